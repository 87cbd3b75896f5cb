// The space-time view: which part of time is seen, what is chosen, and how one moves about in it.

import { paint, geometry, theme, AXIS } from './paint.js';
import { groups, stretchOf, votesOf } from './groups.js';
import { effects, causeOf } from './causes.js';
import { Minimap } from './minimap.js';

const SHORTEST = 2; // microseconds in view at least
const LONGEST = 48 * 3600e6;
const LIVE = 20e6; // what is seen while time is followed

export class SpaceTime {
  // canvas is where it is drawn, map the small one for all of time; changed is called after each drawing with
  // another view or choice.
  constructor(canvas, map, changed) {
    this.canvas = canvas;
    this.ctx = canvas.getContext('2d');
    this.changed = changed;
    this.model = null;
    this.view = { t0: 0, t1: 1e6, width: 0, height: 0, now: Infinity, origin: null, chosen: null, event: null };
    this.follow = 'election'; // election, live or none
    this.selected = null; // {event} or {message}
    this.hits = { messages: [], marks: [] };
    this.clockOffset = 0;
    this.frames = [];
    this.minimap = new Minimap(map, (t0, t1) => { this.follow = 'none'; this.show(t0, t1); });
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.recolour();
  }

  // use shows another model.
  use(model) {
    this.model = model;
    this.select(null);
    this.generation = model.generation;
    this.follow = 'election';
    this.refresh();
  }

  recolour() {
    this.colours = theme();
    this.draw();
  }

  // refresh is called after the model has changed.
  refresh() {
    const { model } = this;
    if (!model) return;
    model.settle();
    if (this.generation !== model.generation) {
      this.generation = model.generation;
      this.selected = null;
    }
    this.groups = groups(model);
    if (this.idle) this.fitLive();
    else if (this.follow === 'election') this.fitElection(this.groups.find((g) => g.kind !== 'joined') ?? this.groups[0], true);
    if (this.follow === 'live') this.fitLive();
    this.resize(true);
  }

  // idle is a foreign ensemble that has not elected since it is watched: time is followed until it does.
  get idle() {
    return this.follow === 'election' && !this.groups?.length && this.live === true && (this.model.observed.events.length > 0 || this.model.lanes.some((l) => l.foreign));
  }

  fitLive() {
    const now = Math.max(this.model.latest, this.nowTime());
    this.view.t0 = now - LIVE;
    this.view.t1 = now + LIVE * 0.03;
    this.view.origin = null;
  }

  // nowTime is the present in the model's time; -Infinity for a recording.
  nowTime() {
    if (!this.live || this.model?.base === null || this.model === null) return -Infinity;
    return (Date.now() + this.clockOffset - this.model.base * 1000) * 1000;
  }

  // fitElection shows one election from what led to it to its end.
  fitElection(g, following = false) {
    if (!g) return this.fitAll();
    if (!following) this.follow = 'none';
    const s = stretchOf(this.model, g);
    Object.assign(this.view, { t0: s.t0, t1: s.t1, origin: g.t0 });
    this.draw();
  }

  // fitVotes shows the election that is in view without what came after its decisions.
  fitVotes() {
    const middle = (this.view.t0 + this.view.t1) / 2;
    const seen = this.groups.filter((g) => g.kind !== 'joined' && g.t0 < this.view.t1 && g.t1 > this.view.t0);
    const g = seen.sort((a, b) => Math.abs(a.t0 - middle) - Math.abs(b.t0 - middle))[0] ?? this.groups[0];
    if (!g) return;
    const s = votesOf(this.model, g);
    this.follow = 'none';
    Object.assign(this.view, { t0: s.t0, t1: s.t1, origin: g.t0 });
    this.draw();
  }

  fitAll() {
    if (!this.model || !Number.isFinite(this.model.earliest)) return;
    const long = Math.max(this.model.latest - this.model.earliest, 1000);
    this.follow = 'none';
    this.show(this.model.earliest - long * 0.03, this.model.latest + long * 0.06);
  }

  setFollow(what) {
    this.follow = what;
    this.refresh();
  }

  // show sets the part of time that is seen; times count from the election before its middle, if it is short.
  show(t0, t1) {
    const long = Math.min(Math.max(t1 - t0, SHORTEST), LONGEST);
    const middle = (t0 + t1) / 2;
    const g = this.groups?.find((x) => x.t0 <= t0 + long);
    const origin = g && long < 20e6 && t0 - g.t0 < 20e6 ? g.t0 : null;
    Object.assign(this.view, { t0: middle - long / 2, t1: middle + long / 2, origin });
    this.draw();
  }

  zoom(factor, x = null) {
    const g = geometry(this.view, this.model.lanes);
    const t = x === null ? (this.view.t0 + this.view.t1) / 2 : g.t(x);
    const long = Math.min(Math.max((this.view.t1 - this.view.t0) * factor, SHORTEST), LONGEST);
    const share = (t - this.view.t0) / (this.view.t1 - this.view.t0);
    this.follow = 'none';
    this.show(t - share * long, t + (1 - share) * long);
  }

  pan(share) {
    const by = (this.view.t1 - this.view.t0) * share;
    this.follow = 'none';
    this.show(this.view.t0 + by, this.view.t1 + by);
  }

  // select chooses an event or a message, and with it what belongs to it.
  select(choice, bring = false) {
    this.selected = choice;
    const { view } = this;
    view.chosen = new Set();
    view.event = null;
    if (choice?.message) {
      view.chosen.add(choice.message);
      for (const ev of effects(this.model, choice.message)) if (ev.message) view.chosen.add(ev.message);
      view.event = choice.event ?? null;
    } else if (choice?.event) {
      view.event = choice.event;
      const cause = causeOf(this.model, choice.event);
      if (cause) view.chosen.add(cause);
    }
    if (bring && choice) this.bring(choice.event?.t ?? choice.message.t0, choice.message?.t1);
    this.draw();
    this.changed('selection');
  }

  // bring moves the view so that a time is in it.
  bring(t, end) {
    const { view } = this;
    const last = Number.isFinite(end) ? Math.max(t, end) : t;
    if (t >= view.t0 && last <= view.t1) return;
    const long = Math.max(view.t1 - view.t0, (last - t) * 1.5);
    this.follow = 'none';
    this.show(t - long / 2, t + long / 2);
  }

  // step goes to the event before or behind the chosen one, or to the first that is seen.
  step(by) {
    const { events } = this.model;
    if (events.length === 0) return;
    const chosen = this.selected?.event ?? this.selected?.message?.sent ?? this.selected?.message?.received;
    let i = chosen ? events.indexOf(chosen) + by : this.model.indexOf(this.view.t0);
    while (events[i]?.name === 'HeartbeatAnswered') i += by;
    const ev = events[Math.min(Math.max(i, 0), events.length - 1)];
    this.select(ev.message ? { event: ev, message: ev.message } : { event: ev }, true);
  }

  resize(quiet = false) {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const lanes = this.model?.lanes.length ?? 3;
    const height = AXIS + 26 + lanes * laneHeight(lanes, box.width < 560);
    const size = [Math.round(box.width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
      this.canvas.style.height = `${height}px`;
      this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    Object.assign(this.view, { width: box.width, height });
    this.minimap.resize(box.width, ratio);
    this.draw();
    if (!quiet) this.changed('size');
  }

  // draw asks for one drawing with the next frame.
  draw() {
    if (this.asked || !this.model) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.paintNow();
    });
  }

  paintNow() {
    if (!this.view.width || !this.model) return;
    const start = performance.now();
    this.model.settle();
    this.view.now = this.live ? Math.max(this.model.latest, this.nowTime()) : this.model.latest;
    this.hits = paint(this.ctx, this.model, this.view, this.colours);
    this.minimap.paint(this.model, this.groups ?? [], this.view, this.colours);
    this.frames.push(performance.now() - start);
    if (this.frames.length > 600) this.frames.shift();
    this.changed('view');
  }

  // under lists what lies at a place of the canvas: marks before messages, what is on top first.
  under(x, y) {
    const found = this.hits.marks.filter((m) => Math.abs(m.x - x) <= m.r && Math.abs(m.y - y) <= m.r + 3).sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x)).map((m) => ({ event: m.ev }));
    const near = this.hits.messages.map((h) => ({ h, d: distance(x, y, h.a, h.b) })).filter(({ d }) => d < 7).sort((a, b) => a.d - b.d);
    return [...found, ...near.map(({ h: { m } }) => ({ message: m, event: m.received ?? m.sent ?? m.replaced }))];
  }

  // pick chooses what lies at a place; again at the same place, what lies below it.
  pick(x, y) {
    const all = this.under(x, y);
    const i = all.findIndex((c) => c.event === this.selected?.event && c.message === this.selected?.message);
    this.select(all.length ? all[(i + 1) % all.length] : null);
  }

  listen() {
    const { canvas } = this;
    const pointers = new Map();
    let moved = 0;
    canvas.addEventListener('wheel', (e) => {
      if (!this.model) return;
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) this.pan((e.deltaX || e.deltaY) / 1200);
      else this.zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 320))), e.offsetX);
    }, { passive: false });
    canvas.addEventListener('pointerdown', (e) => {
      canvas.setPointerCapture(e.pointerId);
      pointers.set(e.pointerId, e.offsetX);
      moved = 0;
    });
    canvas.addEventListener('pointermove', (e) => {
      if (!this.model) return;
      if (!pointers.has(e.pointerId)) {
        canvas.style.cursor = this.under(e.offsetX, e.offsetY).length ? 'pointer' : 'grab';
        return;
      }
      this.drag(pointers, e);
      moved += Math.abs(e.movementX) + Math.abs(e.movementY);
    });
    const up = (e) => {
      const was = pointers.delete(e.pointerId);
      if (was && moved < 6 && e.type === 'pointerup' && this.model) this.pick(e.offsetX, e.offsetY);
    };
    canvas.addEventListener('pointerup', up);
    canvas.addEventListener('pointercancel', up);
    canvas.addEventListener('keydown', (e) => this.key(e));
  }

  // drag moves with one pointer and zooms with two.
  drag(pointers, e) {
    const before = [...pointers.values()];
    const old = pointers.get(e.pointerId);
    pointers.set(e.pointerId, e.offsetX);
    const after = [...pointers.values()];
    const g = geometry(this.view, this.model.lanes);
    if (before.length === 1) {
      if (Math.abs(e.offsetX - old) < 1) return;
      const by = (old - e.offsetX) / g.scale;
      this.follow = 'none';
      this.show(this.view.t0 + by, this.view.t1 + by);
    } else if (before.length === 2) {
      const was = Math.max(8, Math.abs(before[0] - before[1]));
      const is = Math.max(8, Math.abs(after[0] - after[1]));
      this.zoom(was / is, (after[0] + after[1]) / 2);
    }
  }

  key(e) {
    if (!this.model || e.ctrlKey || e.metaKey || e.altKey) return;
    const keys = {
      ArrowLeft: () => this.pan(-0.15), ArrowRight: () => this.pan(0.15), '+': () => this.zoom(0.6), '=': () => this.zoom(0.6),
      '-': () => this.zoom(1 / 0.6), n: () => this.step(1), p: () => this.step(-1), '.': () => this.step(1), ',': () => this.step(-1),
      l: () => this.fitElection(this.groups.find((g) => g.kind !== 'joined') ?? this.groups[0]), a: () => this.fitAll(), v: () => this.fitVotes(), f: () => this.setFollow('live'), e: () => this.setFollow('election'), Escape: () => this.select(null),
    };
    const act = keys[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  }
}

function distance(x, y, a, b) {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const along = Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - a.x - along * dx, y - a.y - along * dy);
}

// laneHeight has room for words above each lane, as long as the lanes are few.
function laneHeight(lanes, narrow) {
  if (narrow) return lanes <= 3 ? 92 : lanes <= 5 ? 78 : 64;
  return lanes <= 3 ? 138 : lanes <= 5 ? 104 : lanes <= 9 ? 84 : 56;
}
