// Why things happened: what a message did on its receiver, which message changed a vote, what ended an election.

const EFFECTS = new Set(['VoteChanged', 'RoundChanged', 'QuorumReached', 'QuorumUndone', 'ElectionDecided', 'StateChanged', 'ConfigSeen', 'ElectionAborted', 'ElectionStarted']);
const ANSWERS = new Set(['vote_change', 'own_vote', 'reply_stale_round', 'reply_settled', 'reply_nonvoter']);

// What a message does happens in one step, whose events have one instant: within this many microseconds, but for the
// sending of what follows.
const AT_ONCE = 5;
const SOON = 2000;

// effects lists what a received message did on its lane: until the next one was received.
export function effects(model, m) {
  const ev = m.received;
  const lane = ev && model.bySid.get(ev.sid);
  if (!lane) return [];
  const at = lane.events.indexOf(ev);
  const out = [];
  for (let i = at - 1; i >= 0 && lane.events[i].name === 'VoteChanged' && lane.events[i].raw.message_id === m.id; i--) out.unshift(lane.events[i]);
  for (const next of lane.events.slice(at + 1)) {
    if (next.name === 'NotificationReceived' || next.t > ev.t + SOON) break;
    if (EFFECTS.has(next.name) && next.t <= ev.t + AT_ONCE) out.push(next);
    if (next.name === 'NotificationSent' && ANSWERS.has(next.raw.cause) && out.length + 1 < 40) {
      const reply = next.raw.cause.startsWith('reply_');
      if (!reply || next.raw.peer === m.from) out.push(next);
    }
  }
  return out;
}

// causeOf is the message that an event on a lane followed from; null: none is known.
export function causeOf(model, ev) {
  if (ev.message) return null;
  const id = ev.raw.message_id;
  if (typeof id === 'string' && model.byId.has(id)) return model.byId.get(id);
  if (!EFFECTS.has(ev.name) || ev.name === 'ElectionStarted') return null;
  const lane = model.bySid.get(ev.sid);
  const at = lane ? lane.events.indexOf(ev) : -1;
  for (let i = at - 1; i >= 0 && ev.t - lane.events[i].t <= AT_ONCE; i--) {
    if (lane.events[i].name === 'NotificationReceived') return lane.events[i].message;
  }
  return null;
}

// ending says why an election ended when it did: {quorum, last, unreachable, waited} of a decision.
export function ending(model, decided) {
  const e = decided.election;
  if (!e) return null;
  const until = e.events.filter((ev) => ev.n <= decided.n && ev.t <= decided.t);
  const quorum = until.findLast((ev) => ev.name === 'QuorumReached') ?? null;
  const received = until.filter((ev) => ev.name === 'NotificationReceived');
  const last = received.findLast((ev) => ['counted', 'better_vote', 'newer_round', 'joined', 'settled_peer'].includes(ev.raw.outcome)) ?? null;
  const dials = new Map();
  for (const ev of until) {
    if (ev.name === 'ConnectionAttempt' && ev.raw.result !== 'connected') dials.set(ev.raw.peer, ev);
    if (ev.name === 'ConnectionUp') dials.delete(ev.raw.peer);
  }
  return { quorum, last, unreachable: [...dials.values()], waited: quorum ? decided.t - quorum.t : null };
}
