// Elections of single servers that are one election of the ensemble.

// groups lists the elections of a model, newest first. Those that established the same epoch belong together, as
// they do in one trace; a server that joins an established leader has one of its own; without a leader those
// that overlap in time belong together.
export function groups(model) {
  const found = new Map();
  const open = [];
  for (const lane of model.lanes) {
    for (const e of lane.elections) {
      if (e.established && joined(e)) found.set(`join ${e.sid} ${e.t0}`, [e]);
      else if (e.established) push(found, `epoch ${e.established.raw.epoch} ${e.established.raw.leader}`, e);
      else open.push(e);
    }
  }
  open.sort((a, b) => a.t0 - b.t0);
  let until = -Infinity;
  let key = '';
  for (const e of open) {
    if (e.t0 > until) key = `open ${e.sid} ${e.t0}`;
    push(found, key, e);
    until = Math.max(until, lastOf(e, model));
  }
  return [...found].map(([k, members]) => group(k, members, model)).sort((a, b) => b.t0 - a.t0);
}

function push(map, key, e) {
  const list = map.get(key);
  if (list) list.push(e);
  else map.set(key, [e]);
}

export function joined(e) {
  return e.decided?.raw.how === 'joined_established' && e.established?.raw.leader !== e.sid;
}

function lastOf(e, model) {
  const end = e.end ?? e.established;
  if (end) return end.t;
  const lane = model.bySid.get(e.sid);
  const next = lane.elections[lane.elections.indexOf(e) + 1];
  return next ? next.t0 : lane.lastTime;
}

// group is one election of the ensemble. Its own words are the leader's where that is known.
function group(key, members, model) {
  const leads = members.find((e) => e.decided?.raw.state === 'LEADING') ?? null;
  const first = members.reduce((a, b) => (b.t0 < a.t0 ? b : a));
  const chief = leads ?? members.find((e) => e.decided) ?? first;
  const established = members.map((e) => e.established).filter(Boolean);
  const t1 = Math.max(...members.map((e) => e.established?.t ?? e.decided?.t ?? lastOf(e, model)));
  const won = established[0]?.raw;
  return {
    key,
    kind: key.startsWith('join') ? 'joined' : key.startsWith('epoch') ? 'elected' : 'open',
    members: members.sort((a, b) => a.sid - b.sid),
    chief, first, t0: first.t0, t1,
    leader: won?.leader ?? chief.decided?.raw.vote?.leader ?? null,
    epoch: won?.epoch ?? null,
    reason: first.reason,
    how: chief.decided?.raw.how ?? null,
    running: !won && members.some((e) => !e.end && model.bySid.get(e.sid).running === e),
    phases: phases(chief),
    votes: sum(members, 'votes'), sent: sum(members, 'sent'), received: sum(members, 'received'),
    rounds: Math.max(...members.map((e) => e.rounds)),
    foreign: members.every((e) => model.bySid.get(e.sid).foreign),
  };
}

function sum(list, field) {
  return list.reduce((n, e) => n + e[field], 0);
}

// phases are times since the start of one server's election in microseconds; null for what did not happen.
export function phases(e) {
  const p = e.decided?.raw.phases ?? {};
  const us = (ns) => (typeof ns === 'number' && ns > 0 ? ns / 1000 : null);
  return {
    first_vote_heard: us(p.first_vote_heard_ns),
    quorum: us(p.quorum_ns),
    decided: us(p.decided_ns) ?? (e.decided ? e.decided.t - e.t0 : null),
    established: e.established ? e.established.t - e.t0 : null,
  };
}

// stretchOf is the part of time that shows a group, what led to it included.
export function stretchOf(model, g) {
  let t0 = g.t0;
  for (const e of g.members) {
    const lane = model.bySid.get(e.sid);
    const before = lane.elections[lane.elections.indexOf(e) - 1];
    if (before?.lost && g.t0 - before.lost.t < 50e3) t0 = Math.min(t0, before.lost.t);
  }
  for (const a of model.actions) {
    if (a.t < g.t0 && g.t0 - a.t < 20e3) t0 = Math.min(t0, a.t);
  }
  const long = Math.max(g.t1 - t0, 20);
  return { t0: t0 - long * 0.06, t1: g.t1 + long * 0.14 };
}

// votesOf is the part of it until all have decided.
export function votesOf(model, g) {
  const whole = stretchOf(model, g);
  const decided = Math.max(...g.members.map((e) => e.decided?.t ?? e.t0));
  const long = Math.max(decided - g.t0, 20);
  return { t0: Math.max(whole.t0, g.t0 - long * 0.25), t1: Math.min(whole.t1, decided + long * 0.35) };
}
