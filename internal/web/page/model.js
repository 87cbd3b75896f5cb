// The model holds events, and what follows from them: lanes, messages, elections. It knows no DOM and no server;
// a live stream, a recording and a file all feed it in the same way. All that comes in is text of others.

import { parseTime } from './time.js';
import { Lane } from './lane.js';

// Most events that are kept; then the oldest go. Heartbeats go first.
const MOST = 60000;
const MOST_LANES = 128;

// A message that was sent so long ago without being received is lost, in microseconds of the receiver's lane.
const LOST_AFTER = 1e6;

export class Model {
  constructor() {
    this.clear();
  }

  clear() {
    this.base = null; // whole seconds since 1970 that all times count from
    this.lanes = [];
    this.bySid = new Map();
    this.events = []; // of all lanes, by time once settle was called
    this.messages = [];
    this.byId = new Map(); // message id -> message
    this.actions = [];
    this.voters = null; // sids of the newest configuration that was told; null: none was
    this.configured = -1n; // its version
    this.observed = new Lane(null); // what a watcher tells of itself: it has no lane among the servers
    this.reigns = []; // its verdicts: {t0, t1, leader, epoch}, without a leader null
    this.skipped = 0; // lines that are no events
    this.missed = 0; // events that the stream says are gone
    this.version = 0; // another one after each change
    this.sorted = true;
    this.counter = 0;
    this.anchors = [];
    this.generation = (this.generation ?? 0) + 1; // another one when events were thrown away
    this.latest = -Infinity;
    this.earliest = Infinity;
  }

  // at converts a time text to microseconds since base; NaN for none.
  at(text) {
    const p = parseTime(text);
    if (!p) return NaN;
    if (this.base === null) this.base = p.seconds;
    return (p.seconds - this.base) * 1e6 + p.ns / 1000;
  }

  lane(sid) {
    let lane = this.bySid.get(sid);
    if (!lane) {
      if (this.lanes.length >= MOST_LANES) return null;
      lane = new Lane(sid);
      this.bySid.set(sid, lane);
      this.lanes.push(lane);
      this.lanes.sort((a, b) => a.sid - b.sid);
    }
    return lane;
  }

  // add takes one event of docs/events.md and returns it as the page has it; null for what is none.
  add(raw) {
    if (raw?.event === 'Action') return this.act(raw);
    const wall = raw && typeof raw === 'object' ? this.at(raw.time) : NaN;
    if (Number.isFinite(wall) && typeof raw.event === 'string' && this.isWatcher(raw.sid)) return this.observe(raw, wall);
    if (!Number.isFinite(wall) || !Number.isSafeInteger(raw.sid) || typeof raw.event !== 'string') {
      this.skipped++;
      return null;
    }
    const lane = this.lane(raw.sid);
    if (!lane) {
      this.skipped++;
      return null;
    }
    const ev = { n: this.counter++, t: this.moment(lane, wall, raw), wall, sid: raw.sid, name: raw.event, raw, message: null, election: null };
    this.keep(ev);
    lane.events.push(ev);
    const before = lane.events[lane.events.length - 2];
    if (before && before.t > ev.t) {
      lane.stale = true; // settle walks through it again
    } else {
      lane.apply(ev);
    }
    this.pair(ev);
    this.members(raw.config);
    if (this.events.length > MOST) this.trim();
    return ev;
  }

  // isWatcher tells a watcher from a server by its sid: above all that people configure, and what JSON can count.
  isWatcher(sid) {
    return typeof sid === 'number' && (sid > Number.MAX_SAFE_INTEGER || sid === this.watcher);
  }

  // watchedBy says which sid is a watcher's, if it was chosen so that a server could have it.
  watchedBy(sid) {
    if (this.watcher === sid) return;
    this.watcher = sid;
    if (this.bySid.has(sid)) this.again(this.events);
  }

  // observe takes an event of a watcher: its verdict, or a connection by which a server is in sight.
  observe(raw, wall) {
    const ev = { n: this.counter++, t: this.moment(this.observed, wall, raw), wall, sid: null, name: raw.event, raw, outside: true, message: null, election: null };
    this.keep(ev);
    this.observed.events.push(ev);
    this.observed.stale = true;
    const lane = ev.name.startsWith('Connection') && Number.isSafeInteger(raw.peer) ? this.lane(raw.peer) : null;
    if (lane) {
      lane.events.push(ev);
      lane.stale = true;
    }
    this.members(raw.config);
    if (this.events.length > MOST) this.trim();
    return ev;
  }

  // moment is when an event happened, by the clock that nobody sets: the wall clock counts once for each process.
  // Lanes of one process share their base.
  moment(lane, wall, raw) {
    const mono = raw.mono_ns / 1000;
    if (typeof raw.mono_ns !== 'number' || !Number.isFinite(mono)) return wall;
    const offset = wall - mono;
    if (lane.anchor === null || Math.abs(lane.anchor - offset) > 1e6) {
      const shared = this.anchors.find((a) => Math.abs(a - offset) < 1000);
      lane.anchor = shared ?? offset;
      if (shared === undefined) this.anchors.push(offset);
    }
    return lane.anchor + mono;
  }

  keep(ev) {
    const last = this.events[this.events.length - 1];
    if (last && last.t > ev.t) this.sorted = false;
    this.events.push(ev);
    this.latest = Math.max(this.latest, ev.t);
    this.earliest = Math.min(this.earliest, ev.t);
    this.version++;
  }

  // act takes what somebody asked a node to suffer. It comes again after each reconnection.
  act(raw) {
    const t = this.at(raw.time);
    if (!Number.isFinite(t) || this.actions.some((a) => a.raw.number === raw.number && a.raw.time === raw.time)) return null;
    const ev = { n: this.counter++, t, wall: t, sid: Number.isSafeInteger(raw.fault?.sid) ? raw.fault.sid : null, name: 'Action', raw, message: null, election: null };
    this.actions.push(ev);
    this.actions.sort((a, b) => a.t - b.t);
    this.keep(ev);
    return ev;
  }

  // pair joins the two ends of a notification by its id.
  pair(ev) {
    const { name, raw } = ev;
    const sends = name === 'NotificationSent' || name === 'NotificationReplaced';
    if (!sends && name !== 'NotificationReceived') return;
    if (!Number.isSafeInteger(raw.peer)) return;
    const m = sends ? this.message(raw.message_id, ev.sid, raw.peer) : this.message(raw.message_id, raw.peer, ev.sid);
    ev.message = m;
    if (name === 'NotificationSent') m.sent = ev;
    else if (name === 'NotificationReplaced') m.replaced = ev;
    else m.received = ev;
    m.t1 = m.received ? m.received.t : NaN;
    const told = m.received ? this.at(m.received.raw.sent_at) : NaN;
    m.t0 = m.sent?.t ?? m.replaced?.t ?? (Number.isFinite(told) ? told : m.t1);
  }

  // message finds or makes the message with an id. Without one each end is a message of its own.
  message(id, from, to) {
    const known = typeof id === 'string' ? this.byId.get(id) : undefined;
    if (known) return known;
    const m = { id: typeof id === 'string' ? id : null, from, to, sent: null, received: null, replaced: null, t0: NaN, t1: NaN };
    if (m.id !== null) this.byId.set(m.id, m);
    this.messages.push(m);
    this.lane(from);
    this.lane(to);
    return m;
  }

  // members makes a lane for every server of a configuration text, whether it is heard of or not, and notes who votes.
  members(config) {
    if (typeof config !== 'string') return;
    const voters = new Set();
    for (const [, sid, role] of config.matchAll(/^server\.(-?\d{1,15})=[^\n;]*?(?::(participant|observer))?(?:;[^\n]*)?$/gm)) {
      const lane = this.lane(Number(sid));
      if (lane && lane.events.length === 0 && role) lane.now.role = role;
      if (role !== 'observer') voters.add(Number(sid));
    }
    const version = BigInt(`0x${/^version=([0-9a-f]{1,16})$/m.exec(config)?.[1] ?? 0}`);
    if (voters.size === 0 || version < this.configured) return;
    this.voters = voters;
    this.configured = version;
  }

  // fate says what became of a message: delivered, replaced, lost, travelling, or unknown, when its receiver
  // recorded nothing of that time.
  fate(m) {
    if (m.received) return 'delivered';
    if (m.replaced) return 'replaced';
    const to = this.bySid.get(m.to);
    if (!to || to.events.length === 0 || to.events[0].t > m.t0) return 'unknown';
    return this.latest > m.t0 + LOST_AFTER || to.restartedAfter(m.t0) ? 'lost' : 'travelling';
  }

  // settle puts everything in order by time. Call it before looking.
  settle() {
    if (!this.sorted) {
      this.events.sort((a, b) => a.t - b.t || a.n - b.n);
      this.sorted = true;
    }
    for (const lane of this.lanes) lane.settle();
    if (this.observed.stale) this.judge();
  }

  // judge makes the verdicts of the watcher's events.
  judge() {
    this.observed.stale = false;
    this.observed.events.sort((a, b) => a.t - b.t || a.n - b.n);
    this.reigns = [];
    for (const { t, name, raw } of this.observed.events) {
      if (name !== 'LeaderEstablished' && name !== 'LeaderLost') continue;
      const last = this.reigns[this.reigns.length - 1];
      if (last) last.t1 = t;
      const won = name === 'LeaderEstablished';
      this.reigns.push({ t0: t, t1: Infinity, leader: won ? raw.leader : null, epoch: won ? raw.epoch : null });
    }
  }

  // trim lets the oldest go: first the heartbeats among the older half, then whatever is oldest.
  trim() {
    this.settle();
    const half = this.events[this.events.length >> 1].t;
    let kept = this.events.filter((e) => e.t >= half || e.name !== 'HeartbeatAnswered');
    if (kept.length > MOST * 0.9) kept = kept.slice(kept.length - Math.floor(MOST * 0.75));
    this.again(kept);
  }

  // again begins anew with these events.
  again(kept) {
    const actions = this.actions;
    const { base, version, missed, skipped, anchors, lanes, voters, configured } = this;
    const state = new Map(lanes.map((l) => [l.sid, l]));
    this.clear();
    Object.assign(this, { base, version, missed, skipped, anchors, voters, configured });
    for (const ev of kept) {
      if (ev.name === 'Action') continue;
      if (ev.sid !== null && !this.isWatcher(ev.sid)) this.lane(ev.sid).anchor ??= state.get(ev.sid).anchor;
      this.add(ev.raw);
    }
    for (const a of actions) this.act(a.raw);
    for (const lane of this.lanes) {
      if (!state.get(lane.sid)?.partial) continue;
      lane.partial = true;
      lane.gap = this.counter;
    }
    this.settle();
  }

  // gap notes that events are missing here: what is known of the links may be out of date.
  gap(missed) {
    this.missed += Number.isFinite(missed) ? missed : 0;
    for (const lane of this.lanes) {
      lane.partial = true;
      lane.gap = this.counter;
    }
    this.version++;
  }

  // indexOf is the place of the first event at or after t.
  indexOf(t) {
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle].t < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // lines is the recording of all events that are kept, as they came: read again, they give the same model.
  lines() {
    return this.events.toSorted((a, b) => a.n - b.n).map((e) => JSON.stringify(e.raw)).join('\n') + '\n';
  }

  // faults says which lines are cut and which servers sleep at t, as far as the actions tell.
  faults(t = Infinity) {
    const cut = new Set();
    const paused = new Set();
    const sids = this.lanes.map((l) => l.sid);
    for (const a of this.actions) {
      if (a.t > t) break;
      const { fault, sid, peer } = a.raw.fault ?? {};
      if (a.raw.detail) continue;
      if (fault === 'cut') cut.add(pairKey(sid, peer));
      else if (fault === 'isolate') sids.filter((s) => s !== sid).forEach((s) => cut.add(pairKey(s, sid)));
      else if (fault === 'heal' && peer !== undefined) cut.delete(pairKey(sid, peer));
      else if (fault === 'heal') { cut.clear(); paused.clear(); }
      else if (fault === 'pause') paused.add(sid);
      else if (['resume', 'kill', 'restart', 'zxid'].includes(fault)) paused.delete(sid);
    }
    return { cut, paused };
  }
}

// pairKey names the line between two servers.
export function pairKey(a, b) {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
