// What the servers are at present: from their events and, where their start is not among those, from what they say
// when asked.

import { NOTHING } from './lane.js';
import * as outside from './outside.js';

// serversOf lists the servers: {sid, now, error, address}. glance is what the members said; null: only the events
// count. then is a time; null: the end.
export function serversOf(model, glance, then) {
  if (glance?.watch && then === null) return outside.servers(glance.watch, model);
  const said = new Map();
  for (const m of glance?.members ?? []) if (m.status || !said.has(m.sid)) said.set(m.sid, m); // one server may have two addresses
  return model.lanes.map((lane) => {
    const m = then === null ? said.get(lane.sid) : undefined;
    let now = then === null ? lane.now : lane.snapshot(then);
    if (m?.status && (lane.partial || lane.events.length === 0)) now = asked(m.status);
    // Who died told nobody: what it said last is no claim any more.
    if (m && !m.status && now.state !== 'STOPPED') now = { ...NOTHING, role: now.role, links: new Map() };
    return { sid: lane.sid, address: m?.address ?? '', error: m?.error ?? '', hidden: now.hidden, now };
  });
}

// asked is the status of a server in the form of a lane's present.
function asked(s) {
  const up = s.peers.filter((p) => p.connected).map((p) => [p.sid, { byUs: p.dialled_by_us, since: null }]);
  return { state: s.state, round: s.round, vote: s.vote, leader: s.established ? s.leader : null, epoch: s.established ? s.current_epoch : null, accepted: s.accepted_epoch,
    current: s.current_epoch, zxid: s.zxid, role: s.role, links: new Map(up), since: Date.parse(s.established_since ?? s.since) };
}

// leadership is the leader that most voters follow, and since when; without one since when there is none. Who was asked
// and does not answer counts as a voter that follows nobody; who was never asked, on the page of a node alone or in a
// recording, does not count.
export function leadership(servers, model, glance) {
  const all = servers.filter((s) => model.voters?.has(s.sid) ?? s.now.role !== 'observer');
  const voters = all.filter((s) => s.now.state !== 'UNKNOWN' || s.error);
  const nameless = (glance?.members ?? []).filter((m) => !m.status && m.sid === null).length; // asked, never answered
  const count = Math.min(all.length, voters.length + nameless);
  const votes = new Map();
  for (const s of voters) {
    if (s.now.leader === null || s.now.state === 'STOPPED') continue;
    const key = `${s.now.leader} ${s.now.epoch}`;
    votes.set(key, (votes.get(key) ?? 0) + 1);
  }
  const [key, most] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? [null, 0];
  if (key !== null && most > count / 2) {
    const [leader, epoch] = key.split(' ');
    const own = servers.find((s) => s.sid === Number(leader));
    const since = voters.filter((s) => `${s.now.leader} ${s.now.epoch}` === key).map((s) => sinceOf(s, model)).sort((a, b) => a - b);
    return { leader: Number(leader), epoch, since: own && own.now.leader === own.sid ? sinceOf(own, model) : since[0] };
  }
  // It was lost when the last one went without whom there is no majority; when that was nobody knows of who is silent.
  const quorum = Math.floor(count / 2) + 1;
  const lost = voters.filter((s) => s.now.leader === null && s.now.state !== 'UNKNOWN').map((s) => sinceOf(s, model)).sort((a, b) => a - b);
  return { leader: null, epoch: null, since: lost[Math.min(lost.length - 1, Math.max(0, count - quorum))] ?? NaN };
}

// sinceOf is when a server got its present leader, or lost the last one.
function sinceOf(s, model) {
  if (s.now.since) return (s.now.since - model.base * 1000) * 1000;
  const list = model.bySid.get(s.sid)?.stretches ?? [];
  let i = list.length - 1;
  while (i > 0 && list[i - 1].leader === list[i].leader && list[i - 1].state !== 'STOPPED') i--;
  return list[i]?.t0 ?? NaN;
}
