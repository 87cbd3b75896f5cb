// What the servers are at present: from their events and, where their start is not among those, from what they say
// when asked.

import * as outside from './outside.js';

// serversOf lists the servers: {sid, now, error, address}. glance is what the members said; null: only the events
// count. then is a time; null: the end.
export function serversOf(model, glance, then) {
  if (glance?.watch && then === null) return outside.servers(glance.watch, model);
  const said = new Map();
  for (const m of glance?.members ?? []) if (m.status) said.set(m.status.sid, m);
  return model.lanes.map((lane) => {
    const m = said.get(lane.sid);
    const now = then === null ? lane.now : lane.snapshot(then);
    return { sid: lane.sid, address: m?.address ?? '', error: m?.error ?? '', hidden: now.hidden, now: m && (lane.partial || lane.events.length === 0) ? asked(m.status) : now };
  });
}

// asked is the status of a server in the form of a lane's present.
function asked(s) {
  const up = s.peers.filter((p) => p.connected).map((p) => [p.sid, { byUs: p.dialled_by_us, since: null }]);
  return { state: s.state, round: s.round, vote: s.vote, leader: s.established ? s.leader : null, epoch: s.established ? s.current_epoch : null, accepted: s.accepted_epoch,
    current: s.current_epoch, zxid: s.zxid, role: s.role, links: new Map(up), since: Date.parse(s.established_since ?? s.since) };
}

// leadership is the leader that most of the known voters follow, and since when; without one since when there is none.
export function leadership(servers, model) {
  const voters = servers.filter((s) => s.now.role !== 'observer' && s.now.state !== 'UNKNOWN');
  const votes = new Map();
  for (const s of voters) {
    if (s.now.leader === null || s.now.state === 'STOPPED') continue;
    const key = `${s.now.leader} ${s.now.epoch}`;
    votes.set(key, (votes.get(key) ?? 0) + 1);
  }
  const [key, count] = [...votes].sort((a, b) => b[1] - a[1])[0] ?? [null, 0];
  const since = voters.map((s) => sinceOf(s, model)).sort((a, b) => a - b);
  if (key !== null && count > voters.length / 2) {
    const [leader, epoch] = key.split(' ');
    const own = servers.find((s) => s.sid === Number(leader));
    return { leader: Number(leader), epoch, since: own && own.now.leader === own.sid ? sinceOf(own, model) : since[0] };
  }
  // It was lost when the last one went without whom there is no majority.
  const quorum = Math.floor(voters.length / 2) + 1;
  const lost = voters.filter((s) => s.now.leader === null).map((s) => sinceOf(s, model)).sort((a, b) => a - b);
  return { leader: null, epoch: null, since: lost[Math.min(lost.length - 1, Math.max(0, voters.length - quorum))] ?? NaN };
}

// sinceOf is when a server got its present leader, or lost the last one.
function sinceOf(s, model) {
  if (s.now.since) return (s.now.since - model.base * 1000) * 1000;
  const list = model.bySid.get(s.sid)?.stretches ?? [];
  let i = list.length - 1;
  while (i > 0 && list[i - 1].leader === list[i].leader && list[i - 1].state !== 'STOPPED') i--;
  return list[i]?.t0 ?? NaN;
}
