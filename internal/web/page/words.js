// What events mean, in words. All of it is text, for textContent and canvas.

const SENT_WHY = {
  own_vote: 'the first broadcast of a round: each server tells all others its vote',
  vote_change: 'its vote had just changed, and all others are to know',
  resend: 'nothing was heard for the back-off time, so the unchanged vote is repeated',
  reply_stale_round: 'an answer to a server that is looking in an older round, so that it catches up',
  reply_settled: 'an answer to a server that is looking, from one that has decided',
  reply_nonvoter: 'an answer to a server without a vote',
  reconnect: 'the last notification again, on a new connection',
  probe: 'the question of a watcher',
};

const RECEIVED_DID = {
  counted: 'its vote was counted; nothing else changed',
  better_vote: 'its vote is better than the own one and was adopted',
  newer_round: 'its round is newer: the receiver moved to that round and started counting anew',
  stale_round: 'its round is over: not counted, answered with the newer round',
  from_nonvoter: 'the sender has no vote: answered, never counted',
  for_nonvoter: 'it votes for a server that cannot be elected: not counted',
  no_history: 'one of the two sides has no history: not counted',
  settled_peer: 'the sender has decided already: noted as part of a proof of its leader',
  joined: 'it completed the proof that a leader is established: the receiver joins it',
  answered: 'the receiver has decided already and answered with its leader',
  ignored: 'both sides have decided, or the sender is an observer: nothing to do',
  bad_state: 'its state is none of the four: dropped',
  malformed: 'it is no form of a notification: dropped',
  config_adopted: 'its configuration is newer and was adopted: the election restarts',
};

const HOW = {
  all_heard: 'every voter supports the vote, so nothing better can come',
  rest_unreachable: 'every voter that can be reached supports the vote, and the others are known to be unreachable: no connection, and a dial failed in this round; or left as a leader because nothing was heard of it',
  waited: 'a quorum supports the vote, and nothing better came within the wait of 200 ms',
  joined_established: 'settled servers proved that their leader is established, so this server joins it',
};

const REASON = {
  start: 'the process started',
  leader_lost: 'the connection to its leader ended',
  quorum_lost: 'the leader no longer heard a quorum',
  no_leader: 'the leader that it elected could not be reached, or did not take it',
  not_supported: 'the leader found no quorum of followers in time',
  config_change: 'another configuration was adopted',
  storage: 'an epoch file could not be written',
  policy: 'the leader holds history that this node must not vouch for',
  voter_ahead: 'a member has promised a later epoch',
  port: 'the leader could not open its quorum port',
  resigned: 'its operator asked for it',
  stopped: 'the node is shutting down',
};

const CAUSE = {
  better_epoch: 'its epoch is higher',
  better_zxid: 'the epochs are equal and its zxid is higher',
  better_sid: 'epoch and zxid are equal and its sid is higher',
  new_round: 'a new round begins with the own vote',
};

export const sentWhy = (cause) => SENT_WHY[cause] ?? String(cause);
export const receivedDid = (outcome) => RECEIVED_DID[outcome] ?? String(outcome);
export const howWords = (how) => HOW[how] ?? String(how);
export const reasonWords = (reason) => REASON[reason] ?? String(reason);
export const causeWords = (cause) => CAUSE[cause] ?? String(cause);

// cut shortens text of others.
export function cut(text, most = 200) {
  const s = String(text ?? '');
  return s.length > most ? `${s.slice(0, most)}…` : s;
}

export function voteText(v) {
  if (!v || typeof v !== 'object') return 'nobody';
  return `server ${cut(v.leader, 20)} (zxid ${cut(v.zxid, 20)}, epoch ${cut(v.peer_epoch, 20)})`;
}

// MARKS are the events that stand on the lanes, with the word beside the mark; the most important come first.
export const MARKS = {
  LeaderEstablished: (r) => `established, epoch ${cut(r.epoch, 20)}`,
  ElectionDecided: (r) => `decided for ${cut(r.vote?.leader, 20)}${r.how ? `: ${cut(r.how, 30)}` : ''}`,
  LeaderLost: (r) => `leader ${cut(r.leader, 20)} lost`,
  ElectionAborted: (r) => `aborted: ${cut(r.reason, 30)}`,
  NodeStopped: () => 'stopped',
  VoteChanged: (r) => `votes ${cut(r.to?.leader, 20)}`,
  QuorumReached: () => 'quorum',
  QuorumUndone: () => 'quorum undone',
  RoundChanged: (r) => `round ${cut(r.to, 20)}`,
  NodeStarted: (r) => (r.accepted_epoch === '-1' ? 'first seen' : 'started'),
  EpochProposed: (r) => `proposes epoch ${cut(r.epoch, 20)}`,
  EpochPromised: (r) => `promises epoch ${cut(r.epoch, 20)}`,
  FollowerJoined: (r) => `${cut(r.peer, 20)} joined`,
  FollowerLost: (r) => `${cut(r.peer, 20)} lost`,
  ElectionStarted: (r) => `looking: ${cut(r.reason, 30)}`,
  HeartbeatMissed: (r) => `no heartbeat of ${cut(r.peer, 20)}`,
  ConfigSeen: (r) => `configuration ${cut(r.version, 20)}`,
  ConnectionDown: (r) => `link to ${cut(r.peer, 20)} down`,
  ConnectionUp: (r) => `link to ${cut(r.peer, 20)} up`,
  HistoryRefused: () => 'history refused',
  EventsDropped: (r) => `${cut(r.count, 20)} events lost`,
};

const SENTENCES = {
  NodeStarted: (r) => (r.accepted_epoch === '-1' ? `first seen, a ${cut(r.role, 20)}` : `started as ${cut(r.role, 20)}; it has promised epoch ${cut(r.accepted_epoch, 20)} and acknowledged epoch ${cut(r.current_epoch, 20)}`),
  NodeStopped: (r) => (r.detail ? `stopped: ${cut(r.detail)}` : 'stopped'),
  StateChanged: (r) => `${cut(r.from, 20)} → ${cut(r.to, 20)}${r.reason ? ` (${cut(r.reason, 30)}${r.detail ? `: ${cut(r.detail, 120)}` : ''})` : ''}`,
  ElectionStarted: (r) => `looks for a leader because ${reasonWords(r.reason)}; it first votes for ${voteText(r.vote)}`,
  RoundChanged: (r, sid) => (r.cause === 'start' ? `begins round ${cut(r.to, 20)}` : `goes from round ${cut(r.from, 20)} to ${cut(r.to, 20)}: ${r.cause === 'late_join' ? 'the round of the settled servers' : `${someone(r.peer)} was ahead`}`),
  VoteChanged: (r, sid) => `votes for ${voteText(r.to)} instead of ${voteText(r.from)}${r.peer === sid ? `: ${causeWords(r.cause)}` : `, because of a notification of ${someone(r.peer)}: ${causeWords(r.cause)}`}`,
  NotificationSent: (r) => `tells server ${cut(r.peer, 20)}: ${cut(r.state, 20)}, round ${cut(r.round, 20)}, vote for ${voteText(r.vote)} (${cut(r.cause, 30)})`,
  NotificationReceived: (r) => `hears server ${cut(r.peer, 20)}: ${cut(r.state, 20)}, round ${cut(r.round, 20)}, vote for ${voteText(r.vote)} (${cut(r.outcome, 30)})`,
  NotificationReplaced: (r) => `a notification for server ${cut(r.peer, 20)} was replaced by a newer one before it was sent`,
  ResendScheduled: (r) => `will repeat its vote after ${r.wait_ns / 1e6} ms without news`,
  QuorumReached: (r) => `a quorum supports server ${cut(r.vote?.leader, 20)} in round ${cut(r.round, 20)}: ${list(r.supporters)}`,
  QuorumUndone: (r) => `a better vote came in time: no quorum any more in round ${cut(r.round, 20)}`,
  ElectionDecided: (r) => `becomes ${cut(r.state, 20)}, decided for server ${cut(r.vote?.leader, 20)}${r.how ? ` because ${howWords(r.how)}` : ''}`,
  ElectionAborted: (r) => `gives the election up: ${reasonWords(r.reason)}`,
  ConnectionAttempt: (r) => `dialled server ${cut(r.peer, 20)} at ${cut(r.address, 80)}: ${cut(r.result, 20)} ${cut(r.detail)}`,
  ConnectionTieBreak: (r) => `tie-break with server ${cut(r.peer, 20)} as ${cut(r.side, 20)}: ${cut(r.outcome, 40)}`,
  ConnectionUp: (r) => `connected with server ${cut(r.peer, 20)}, which ${r.dialled_by_us ? 'this server' : 'the other'} dialled`,
  ConnectionDown: (r) => `connection with server ${cut(r.peer, 20)} ended: ${cut(r.reason, 30)} ${cut(r.detail)}`,
  HandshakeRejected: (r) => `turned ${cut(r.remote, 80)} away on the ${cut(r.port, 20)} port: ${cut(r.reason, 30)} ${cut(r.detail)}${r.more ? `, and ${cut(r.more, 20)} others` : ''}`,
  EpochProposed: (r) => `proposes epoch ${cut(r.epoch, 20)}; FOLLOWERINFO came from ${list(r.from)}`,
  EpochPromised: (r) => `promised epoch ${cut(r.epoch, 20)} to server ${cut(r.leader, 20)}, on disk${r.repeated ? ' (again)' : ''}`,
  LeaderEstablished: (r) => `server ${cut(r.leader, 20)} is the established leader of epoch ${cut(r.epoch, 20)}`,
  LeaderLost: (r) => `lost leader ${cut(r.leader, 20)} of epoch ${cut(r.epoch, 20)}: ${reasonWords(r.reason)} ${cut(r.detail)}`,
  FollowerJoined: (r) => `server ${cut(r.peer, 20)} acknowledged the epoch and follows`,
  FollowerLost: (r) => `server ${cut(r.peer, 20)} no longer follows: ${cut(r.reason, 30)} ${cut(r.detail)}`,
  HeartbeatMissed: (r) => `server ${cut(r.peer, 20)} did not answer a heartbeat`,
  HeartbeatAnswered: (r) => `server ${cut(r.peer, 20)} answered a heartbeat`,
  DurableWritten: (r) => `wrote ${cut(r.file, 30)} ${cut(r.epoch, 20)} ${r.detail ? `and failed: ${cut(r.detail)}` : 'to disk'}`,
  SyncReceived: (r) => `was brought up to date by ${cut(r.type, 10)}`,
  CertificateRenewed: (r) => `read its certificate: ${r.ok ? 'in force' : 'the former one stays'} ${cut(r.detail)}`,
  LinesLeftOut: (r) => `${cut(r.count, 20)} lines left out of the log: ${cut(r.line, 80)} ${cut(r.reason)}`,
  EventsDropped: (r) => `${cut(r.count, 20)} events were lost by ${cut(r.sink, 20)}`,
  ConfigSeen: (r) => `saw configuration ${cut(r.version, 20)} of server ${cut(r.peer, 20)}${r.adopted ? ' and adopted it' : ''} ${cut(r.detail)}`,
  HistoryRefused: (r) => `will not vouch for history: ${cut(r.detail)}`,
  Action: (r) => `asked for: ${cut(r.text, 80)}${r.detail ? `; not done: ${cut(r.detail)}` : ''}`,
};

// OUTSIDE is what events mean that a watcher tells of itself.
const OUTSIDE = {
  LeaderEstablished: (r) => `sees server ${cut(r.leader, 20)} lead in epoch ${cut(r.epoch, 20)}`,
  LeaderLost: (r) => `sees no leader any more: server ${cut(r.leader, 20)}: ${cut(r.detail)}`,
  ConnectionUp: (r) => `reached ${someone(r.peer)} at ${cut(r.remote, 80)}`,
  ConnectionDown: (r) => `lost the connection with ${someone(r.peer)}: ${cut(r.reason, 30)} ${cut(r.detail)}`,
};

// someone names a server; a number that JSON cannot count stands for none.
function someone(sid) {
  return Number.isSafeInteger(sid) ? `server ${sid}` : 'another server';
}

function list(sids) {
  return Array.isArray(sids) && sids.length ? sids.map((s) => cut(s, 20)).join(', ') : 'nobody';
}

// sentence says in words what an event is.
export function sentence(ev) {
  const make = (ev.outside ? OUTSIDE[ev.name] : null) ?? SENTENCES[ev.name];
  try {
    return make ? make(ev.raw, ev.sid).trim() : cut(ev.name, 60);
  } catch {
    return cut(ev.name, 60); // fields of another kind than the documented ones
  }
}
