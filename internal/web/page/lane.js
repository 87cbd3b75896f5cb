// A lane is one server: its events, the stretches of its state, and what it is now.

export const NOTHING = { state: 'UNKNOWN', round: null, vote: null, leader: null, epoch: null, accepted: null, current: null, zxid: null, role: 'participant', how: null, hidden: false };

export class Lane {
  constructor(sid) {
    this.sid = sid;
    this.events = [];
    this.anchor = null; // see Model.moment
    this.partial = true; // its start is not among the events, or some after it are missing: what is known may be out of date
    this.gap = 0; // number of the first event behind the last ones that are missing
    this.reset();
  }

  reset() {
    this.now = { ...NOTHING, links: new Map() };
    this.stretches = []; // of one state, round, vote and leader: {t0, t1, state, round, vote, leader, epoch}
    this.elections = [];
    this.running = null; // the election that events belong to
    this.before = []; // events of this life before its first election
    this.starts = []; // when it was started
    this.lastTime = -Infinity;
    this.since = null; // of the present state
    this.foreign = false; // seen from outside: nobody knows its promises and its history
  }

  // settle walks through the events again if they came out of order.
  settle() {
    if (!this.stale) return;
    this.stale = false;
    this.events.sort((a, b) => a.t - b.t || a.n - b.n);
    this.reset();
    for (const ev of this.events) this.apply(ev);
  }

  restartedAfter(t) {
    return this.starts.some((s) => s > t);
  }

  // snapshot is what the server was at a time: a lane that ends there.
  snapshot(t) {
    if (t >= this.lastTime) return this.now;
    const past = new Lane(this.sid);
    for (const ev of this.events) {
      if (ev.t > t) break;
      past.apply({ ...ev });
    }
    return past.now;
  }

  // apply enters the next event. Everything that the page says of a server's state is decided here.
  apply(ev) {
    this.lastTime = ev.t;
    if (ev.outside) {
      this.sight(ev);
      return;
    }
    this.assign(ev);
    const { now } = this;
    const r = ev.raw;
    switch (ev.name) {
      case 'NodeStarted':
        this.starts.push(ev.t);
        if (ev.n >= this.gap) this.partial = false;
        this.foreign = r.accepted_epoch === '-1';
        this.now = { ...NOTHING, state: 'LOOKING', role: r.role, accepted: r.accepted_epoch, current: r.current_epoch, zxid: r.zxid, links: new Map() };
        if (this.foreign) Object.assign(this.now, { accepted: null, current: null, zxid: null });
        break;
      case 'NodeStopped':
        Object.assign(now, { state: 'STOPPED', vote: null, leader: null, epoch: null, how: null });
        now.links.clear();
        break;
      case 'ElectionStarted':
        Object.assign(now, { state: 'LOOKING', round: r.round, vote: r.vote, leader: null, epoch: null, how: null });
        break;
      case 'StateChanged':
        now.state = r.to;
        break;
      case 'RoundChanged':
        now.round = r.to;
        break;
      case 'VoteChanged':
        now.vote = r.to;
        break;
      case 'ElectionDecided':
        Object.assign(now, { vote: r.vote, round: r.round, state: r.state, how: r.how });
        break;
      case 'LeaderEstablished':
        Object.assign(now, { leader: r.leader, epoch: r.epoch, zxid: this.foreign ? null : `0x${BigInt.asUintN(64, bigOf(r.epoch) << 32n).toString(16)}` });
        break;
      case 'LeaderLost':
        Object.assign(now, { leader: null, epoch: null });
        break;
      case 'DurableWritten':
        if (!r.detail) now[r.file === 'acceptedEpoch' ? 'accepted' : 'current'] = r.epoch;
        return;
      case 'ConnectionUp':
        now.links.set(r.peer, { byUs: r.dialled_by_us === true, since: ev.t });
        return;
      case 'ConnectionDown':
        if (r.reason !== 'replaced') now.links.delete(r.peer);
        return;
      default:
        return;
    }
    this.stretch(ev.t);
  }

  // sight enters that a watcher lost the connection with this server, or got it back.
  sight(ev) {
    if (ev.name === 'ConnectionUp') this.now.hidden = false;
    else if (ev.name === 'ConnectionDown' && ev.raw.reason !== 'replaced') this.now.hidden = true;
    this.stretch(ev.t);
  }

  // stretch begins another stretch when something that is shown has changed.
  stretch(t) {
    const { state, round, vote, leader, epoch, hidden } = this.now;
    const last = this.stretches[this.stretches.length - 1];
    const votesFor = vote?.leader ?? null;
    if (last && last.state === state && last.round === round && last.vote === votesFor && last.leader === leader && last.hidden === hidden) return;
    if (!last || last.state !== state) this.since = t;
    if (last) last.t1 = t;
    this.stretches.push({ t0: t, t1: Infinity, state, round, vote: votesFor, leader, epoch, hidden });
  }

  // assign gives the event to an election, as the recorder does: the events of a life before its first election
  // belong to that, and each goes on until the next one starts.
  assign(ev) {
    if (ev.name === 'NodeStarted') {
      this.running = null;
      this.before = [];
    }
    if (ev.name === 'ElectionStarted') {
      this.running = { sid: this.sid, number: ev.raw.election, start: ev, t0: ev.t, reason: ev.raw.reason, events: this.before, rounds: 0, votes: 0, sent: 0, received: 0,
        decided: null, established: null, lost: null, aborted: null, quorum: null, end: null };
      for (const early of this.before) early.election = this.running;
      this.before = [];
      this.elections.push(this.running);
    }
    const e = this.running;
    if (!e) {
      this.before.push(ev);
      return;
    }
    e.events.push(ev);
    ev.election = e;
    if (ev.name === 'NotificationSent' && !e.established) e.sent++;
    else if (ev.name === 'NotificationReceived' && !e.established) e.received++;
    else if (ev.name === 'RoundChanged') e.rounds++;
    else if (ev.name === 'VoteChanged') e.votes++;
    else if (ev.name === 'ElectionDecided') e.decided = ev;
    else if (ev.name === 'QuorumReached') e.quorum = ev;
    else if (ev.name === 'LeaderEstablished') e.established = ev;
    else if (ev.name === 'LeaderLost') e.lost = e.end = ev;
    else if (ev.name === 'ElectionAborted') e.aborted = e.end = ev;
    else if (ev.name === 'NodeStopped') e.end = ev;
  }
}

function bigOf(text) {
  try {
    return BigInt(text);
  } catch {
    return 0n;
  }
}
