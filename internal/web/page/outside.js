// A foreign ensemble, seen from outside: what its watcher answers, in the form that the views have.

import { cut, voteText } from './words.js';
import { duration } from './time.js';

// servers lists the servers of the watched ensemble as they were said to be at last.
export function servers(watch, model) {
  return watch.servers.map((s) => {
    const led = watch.has_leader && s.up && s.state !== 'LOOKING' && s.vote?.leader === watch.leader;
    const now = { state: s.state ?? 'UNKNOWN', round: s.round, vote: s.vote, leader: led ? watch.leader : null, epoch: led ? watch.epoch : s.vote?.peer_epoch ?? null, accepted: null, current: null,
      zxid: s.client?.zxid ?? null, role: s.role, links: new Map(), since: null };
    const conflict = watch.conflicting_leaders.includes(s.sid);
    return { sid: s.sid, address: '', error: '', now, hidden: !s.up, conflict, seen: s, note: note(s, conflict), partial: model.bySid.get(s.sid)?.events.length === 0 };
  });
}

// note is what stands below a server.
function note(s, conflict) {
  if (!s.up) return s.last_failure ? cut(s.last_failure.replaceAll('_', ' '), 24) : 'not asked yet';
  if (conflict) return 'one of several leaders';
  if (s.stale) return `stale: names ${cut(s.vote?.leader, 12)}`;
  return s.client?.zxid ? `zxid ${cut(s.client.zxid, 20)}` : `answers in ${duration(s.latency_seconds * 1e6)}`;
}

// leadership is the watcher's verdict in the form of that of present.js; words are for the head line.
export function leadership(watch, model) {
  const since = (text) => (text ? model.at(text) : NaN);
  if (watch.has_leader) return { leader: watch.leader, epoch: watch.epoch, since: since(watch.since), words: `Server ${cut(watch.leader, 20)} leads · epoch ${cut(watch.epoch, 20)}` };
  const words = !watch.discovered ? 'No server has answered yet' : watch.blind && !watch.leaderless ? 'Out of sight: nothing is known' : 'No leader';
  return { leader: null, epoch: null, since: since(watch.leaderless_since ?? watch.since), words };
}

// scope says in the head line what is looked at.
export function scope(watch) {
  const hidden = watch.servers.filter((s) => !s.up).length;
  const stale = watch.servers.filter((s) => s.stale).length;
  const total = watch.leaderless_seconds_total > 0 ? `, leaderless for ${duration(watch.leaderless_seconds_total * 1e6)} in all` : '';
  return `${cut(watch.name, 60)}, seen from outside: ${watch.servers.length} servers${hidden ? `, ${hidden} out of sight` : ''}${stale ? `, ${stale} stale` : ''}${total}`;
}

// notice says what this page can show and what it cannot.
export function notice(watch) {
  return `This is a view from outside: a watcher asks each server for its state every ${duration(watch.interval_seconds * 1e6)}. What happens between two questions is not seen, and neither are the messages between the servers: none is drawn.`;
}

// alarm is what everybody must see at once; empty: nothing.
export function alarm(watch) {
  const both = watch.conflicting_leaders;
  if (both.length > 1) return `${both.length} servers say that they lead: ${both.join(' and ')}.`;
  if (!watch.discovered) return `The ensemble is ${cut(watch.reason, 300)}`;
  if (watch.blind) return `The watcher is ${cut(watch.reason, 300)}`;
  return '';
}

// facts are what is known of one server, as rows of a name and a text.
export function facts(s) {
  const ago = (text) => (text ? `${cut(text, 30).replace('T', ' ').replace(/(\.\d{3})\d*Z$/, '$1')} UTC` : '–');
  const failures = Object.entries(s.failures_total).filter(([, n]) => n > 0).map(([why, n]) => `${why.replaceAll('_', ' ')} ${n}`);
  const rows = [['in sight', `${s.up ? 'yes' : 'no'}, since ${ago(s.since)}`], ['says', s.state ? `${cut(s.state, 20)} in round ${cut(s.round, 20)}${s.up ? '' : ' (before it was lost)'}` : 'nothing yet'],
    ['names', s.vote ? voteText(s.vote) : '–'], ['last answer', s.last_answer ? `${ago(s.last_answer)}, after ${duration(s.latency_seconds * 1e6)}` : '–'],
    ['is', `${cut(s.role, 20)}${s.weight === 1 ? '' : `, weight ${cut(s.weight, 20)}`}${s.electnode ? ', an electnode' : ''}`],
    ['configuration', s.config_version ?? cut(s.config_problem || '–')], ['asked at', s.addresses.map((a) => cut(a, 80)).join(', ') || '–'], ['answers', String(s.answers_total)], ['failures', failures.join(', ') || 'none']];
  if (s.stale) rows.splice(1, 0, ['stale', 'it names a leader that does not itself say LEADING']);
  if (s.last_failure) rows.push(['last failure', `${ago(s.failed_at)}: ${cut(s.failure_detail || s.last_failure, 300)}`]);
  if (s.client) rows.push(['client port', s.client.problem ? cut(s.client.problem) : `${cut(s.client.mode, 20)}, zxid ${cut(s.client.zxid ?? 'unknown', 20)}, version ${cut(s.client.version, 80)}`]);
  return rows;
}
