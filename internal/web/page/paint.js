// Painting the space-time picture on a canvas. It takes a model and a view (what part of time, which size) and
// keeps nothing: the same model and view always give the same picture.

import { cut } from './words.js';
import { clock, duration, tickStep } from './time.js';
import { font, marks, marksAt } from './marks.js';

export const AXIS = 30; // height of the time axis
export const GUTTER = 96; // width of the names of the lanes
const ACTIONS = 20; // height of the line of actions

// theme reads the colours of the style sheet.
export function theme() {
  const css = getComputedStyle(document.documentElement);
  const get = (name) => css.getPropertyValue(`--${name}`).trim();
  const names = ['bg', 'panel', 'text', 'muted', 'line', 'faint', 'accent', 'looking', 'following', 'leading', 'observing', 'stopped', 'vote', 'round', 'bad', 'message', 'joined', 'on-bar', 'mark'];
  return Object.fromEntries(names.map((n) => [n, get(n)]));
}

// geometry says where the lanes are.
export function geometry(view, lanes) {
  const gutter = view.width < 560 ? 58 : GUTTER;
  const top = AXIS + ACTIONS;
  const room = view.height - top - 6;
  const lane = lanes.length ? Math.min(170, room / lanes.length) : room;
  const pad = Math.max(0, (room - lane * lanes.length) / 2);
  const bar = lane < 46 ? 12 : lane < 70 ? 16 : 20;
  const scale = (view.width - gutter - 8) / (view.t1 - view.t0);
  const row = new Map(lanes.map((l, i) => [l.sid, top + pad + lane * (i + 0.5) + (lane > 60 ? 7 : 0)]));
  return { gutter, top, lane, bar, row, right: view.width - 8,
    x: (t) => gutter + (t - view.t0) * scale, t: (x) => view.t0 + (x - gutter) / scale, scale };
}

// paint draws the whole picture and returns what can be pointed at: {messages, marks}.
export function paint(ctx, model, view, colours) {
  const g = geometry(view, view.lanes ?? model.lanes);
  const p = { ctx, model, view, c: colours, g, lanes: view.lanes ?? model.lanes, hits: { messages: [], marks: [] } };
  ctx.clearRect(0, 0, view.width, view.height);
  ctx.textBaseline = 'middle';
  axis(p);
  ctx.save();
  ctx.beginPath();
  ctx.rect(g.gutter, AXIS, view.width - g.gutter, view.height - AXIS);
  ctx.clip();
  reigns(p);
  bars(p);
  messages(p);
  actions(p);
  marks(p);
  ctx.restore();
  names(p);
  return p.hits;
}

function axis({ ctx, view, c, g, model }) {
  const step = tickStep((view.t1 - view.t0) / Math.max(2, (view.width - g.gutter) / 96));
  const origin = view.origin ?? null;
  ctx.font = font(11);
  ctx.textAlign = 'center';
  const from = origin ?? 0;
  for (let t = from + Math.ceil((view.t0 - from) / step) * step; t <= view.t1; t += step) {
    const x = Math.round(g.x(t)) + 0.5;
    ctx.strokeStyle = c.faint;
    ctx.beginPath();
    ctx.moveTo(x, AXIS - 4);
    ctx.lineTo(x, view.height);
    ctx.stroke();
    ctx.fillStyle = c.muted;
    const offset = t - from;
    const text = origin === null ? clock(model.base ?? 0, t, places(step)) : Math.abs(offset) < step / 2 ? '0' : `${offset > 0 ? '+' : ''}${duration(offset)}`;
    if (x > g.gutter + 18 && x < view.width - 22) ctx.fillText(text, x, 13);
  }
}

function places(step) {
  if (step >= 1e6) return 0;
  return Math.min(9, Math.max(1, Math.ceil(6 - Math.log10(step))));
}

const FILL = { LOOKING: 'looking', FOLLOWING: 'following', LEADING: 'leading', OBSERVING: 'observing', STOPPED: 'stopped' };

// reigns marks the time in which a watcher saw no leader.
function reigns({ ctx, view, c, g, model }) {
  ctx.font = font(11, 600);
  ctx.textAlign = 'left';
  for (const r of model.reigns) {
    const end = Math.min(r.t1, view.now);
    if (r.leader !== null || end < view.t0 || r.t0 > view.t1) continue;
    const x0 = Math.max(g.gutter, g.x(r.t0));
    const x1 = Math.min(g.right, Math.max(g.x(end), x0 + 1));
    ctx.fillStyle = c.bad;
    ctx.globalAlpha = 0.13;
    ctx.fillRect(x0, AXIS, x1 - x0, view.height - AXIS);
    ctx.globalAlpha = 1;
    const text = `no leader seen · ${duration(end - r.t0)}`;
    if (ctx.measureText(text).width + 8 < x1 - x0) ctx.fillText(text, x0 + 4, AXIS + 8.5);
  }
}

// bars draws the state of each lane over time, with the vote and the round in it.
function bars(p) {
  const { ctx, view, c, g, lanes } = p;
  for (const lane of lanes) {
    const y = g.row.get(lane.sid);
    ctx.strokeStyle = c.line;
    ctx.setLineDash([2, 4]);
    ctx.beginPath();
    ctx.moveTo(g.gutter, y + 0.5);
    ctx.lineTo(g.right, y + 0.5);
    ctx.stroke();
    ctx.setLineDash([]);
    let drawn = -Infinity;
    const at = marksAt(p, lane);
    const list = lane.stretches;
    const end = view.silent?.has(lane.sid) ? lane.lastTime : view.now; // nothing is known of who does not answer
    for (let i = firstAfter(list, view.t0); i < list.length && list[i].t0 <= view.t1; i++) {
      const s = list[i];
      const x0 = Math.max(g.gutter - 20, g.x(s.t0));
      const x1 = Math.min(view.width + 20, g.x(Math.min(s.t1, end)));
      if (s.state === 'STOPPED' || s.state === 'UNKNOWN' || x1 - drawn < 0.3) continue;
      drawn = x1;
      stretch(p, s, x0, Math.max(x1, x0 + 1), y, at);
    }
  }
}

function firstAfter(list, t) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].t1 < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function stretch({ ctx, c, g }, s, x0, x1, y, at) {
  const h = g.bar;
  if (s.hidden) {
    veil(ctx, c, g, x0, x1, y);
    return;
  }
  ctx.fillStyle = c[FILL[s.state] ?? 'stopped'];
  ctx.fillRect(x0, y - h / 2, x1 - x0, h);
  if (s.state === 'LEADING' && s.leader === null) hatch(ctx, x0, x1, y, h, c);
  if (s.state === 'LOOKING') {
    ctx.fillStyle = c['on-bar'];
    ctx.fillRect(x0, y - h / 2, 1, h);
  }
  if (h >= 14) words(ctx, c, g, barTexts(s), Math.max(x0, g.gutter), Math.min(x1, g.right), y, at);
}

// veil shows that a server is out of its watcher's sight: what it is nobody knows.
function veil(ctx, c, g, x0, x1, y) {
  const h = g.bar;
  ctx.strokeStyle = c.bad;
  ctx.setLineDash([3, 4]);
  ctx.strokeRect(x0 + 0.5, y - h / 2 + 0.5, Math.max(x1 - x0 - 1, 1), h - 1);
  ctx.setLineDash([]);
  ctx.font = font(h < 18 ? 10 : 11, 600);
  ctx.textAlign = 'left';
  ctx.fillStyle = c.bad;
  const left = Math.max(x0, g.gutter) + h * 0.8;
  if (left + ctx.measureText('out of sight').width + h * 0.6 <= Math.min(x1, g.right)) ctx.fillText('out of sight', left, y + 0.5);
}

// words writes the longest of some texts that fits between the marks of a stretch.
function words(ctx, c, g, texts, x0, x1, y, at) {
  const h = g.bar;
  if (x1 - x0 < h) return;
  ctx.font = font(h < 18 ? 10 : 11, 600);
  ctx.textAlign = 'left';
  const stops = [x0 - h * 0.3, ...at.filter((x) => x > x0 - h && x < x1).slice(0, 24), x1 + h * 0.3];
  for (const text of texts) {
    const width = ctx.measureText(text).width;
    for (let i = 0; i + 1 < stops.length; i++) {
      const left = stops[i] + h * 0.8;
      if (text && left + width + h * 0.6 <= stops[i + 1]) {
        ctx.fillStyle = c['on-bar'];
        ctx.fillText(text, left, y + 0.5);
        return;
      }
    }
  }
}

// hatch shows that a server leads but is not established yet.
function hatch(ctx, x0, x1, y, h, c) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x0, y - h / 2, x1 - x0, h);
  ctx.clip();
  ctx.strokeStyle = c.panel;
  ctx.globalAlpha = 0.45;
  ctx.lineWidth = 3;
  ctx.beginPath();
  for (let x = Math.max(x0, 0) - h; x < Math.min(x1, 4000) + h; x += 9) {
    ctx.moveTo(x, y + h);
    ctx.lineTo(x + 2 * h, y - h);
  }
  ctx.stroke();
  ctx.restore();
}

function barTexts(s) {
  const vote = s.vote === null ? '' : `votes ${s.vote}`;
  switch (s.state) {
    case 'LOOKING':
      return [`LOOKING · round ${cut(s.round, 12)} · ${vote}`, `LOOKING · ${vote}`, vote, `→${s.vote ?? ''}`];
    case 'LEADING':
      return s.leader === null ? ['LEADING · not established yet', 'LEADING', 'L'] : [`LEADING · epoch ${cut(s.epoch, 12)}`, 'LEADING', 'L'];
    default:
      if (s.leader === null && s.vote === null) return [String(s.state), String(s.state)[0]];
      return [`${s.state} ${s.leader ?? s.vote ?? ''}${s.leader === null ? ' · not established yet' : ''}`, `${s.state} ${s.leader ?? s.vote ?? ''}`, String(s.state), String(s.state)[0]];
  }
}

// STYLES say how a message is drawn by what it did; the later ones lie on top.
export const STYLES = [
  { name: 'ignored', label: 'no effect', colour: 'line', width: 1, outcomes: ['ignored', 'stale_round', 'from_nonvoter', 'for_nonvoter', 'no_history', 'bad_state', 'malformed'] },
  { name: 'counted', label: 'counted', colour: 'message', width: 1.25, outcomes: ['counted'] },
  { name: 'settled', label: 'from or to a settled server', colour: 'joined', width: 1.25, outcomes: ['settled_peer', 'answered', 'joined'] },
  { name: 'round', label: 'newer round', colour: 'round', width: 2, outcomes: ['newer_round', 'config_adopted'] },
  { name: 'vote', label: 'changed a vote', colour: 'vote', width: 2.25, outcomes: ['better_vote'] },
];

const styleOf = new Map(STYLES.flatMap((s) => s.outcomes.map((o) => [o, s])));
const PLAIN = STYLES[1];

export function styleFor(m) {
  return styleOf.get(m.received?.raw.outcome) ?? PLAIN;
}

// ends are the places of a message's two ends; null when it is not in view. What has no other end stops short.
function ends({ g, view, model }, m) {
  const y0 = g.row.get(m.from);
  const y1 = g.row.get(m.to);
  if (y0 === undefined || y1 === undefined) return null;
  const fate = model.fate(m);
  const late = fate === 'delivered' ? m.t1 : m.t0;
  const early = Math.min(m.t0, late);
  if (Math.max(m.t0, late) < view.t0 || early > view.t1) return null;
  const down = y1 > y0 ? 1 : -1;
  const a = { x: g.x(m.t0), y: y0 + down * (g.bar / 2) };
  let b = { x: g.x(late), y: y1 - down * (g.bar / 2) };
  if (fate === 'lost' || fate === 'replaced') b = { x: a.x + 10, y: a.y + (b.y - a.y) * (fate === 'lost' ? 0.5 : 0.18) };
  return { m, a, b, fate };
}

// DENSE is how many messages can be told apart.
const DENSE = 800;

function messages(p) {
  const { ctx, view, c, model, hits } = p;
  const batches = new Map(STYLES.map((s) => [s, []]));
  const broken = [];
  const seen = new Set();
  const inView = model.messages.map((m) => ends(p, m)).filter(Boolean);
  // Where there are too many to be told apart, what falls close together is drawn once.
  const grain = Math.max(0.5, inView.length / DENSE);
  for (const hit of inView) {
    const { m } = hit;
    const chosen = view.chosen?.has(m);
    const style = styleFor(m);
    const key = `${Math.round(hit.a.x / grain)} ${Math.round(hit.b.x / grain)} ${m.from} ${m.to} ${hit.fate} ${style.name}`;
    if (!chosen && seen.has(key)) continue;
    seen.add(key);
    hits.messages.push(hit);
    if (chosen) continue;
    if (hit.fate === 'delivered') batches.get(style).push(hit);
    else broken.push(hit);
  }
  const head = inView.length > DENSE ? 0 : 7;
  ctx.globalAlpha = view.chosen?.size ? 0.25 : 1;
  for (const [style, list] of batches) {
    ctx.strokeStyle = ctx.fillStyle = c[style.colour];
    ctx.lineWidth = style.width;
    strokes(ctx, list, head);
  }
  for (const hit of broken) brokenMessage(ctx, hit, c);
  ctx.globalAlpha = 1;
  for (const hit of hits.messages) {
    if (!view.chosen?.has(hit.m)) continue;
    if (hit.fate === 'delivered') {
      ctx.strokeStyle = ctx.fillStyle = c[styleFor(hit.m).colour === 'line' ? 'muted' : styleFor(hit.m).colour];
      ctx.lineWidth = 3.5;
      strokes(ctx, [hit], 10);
    } else brokenMessage(ctx, hit, c, 3);
  }
  ctx.lineWidth = 1;
}

// strokes draws lines in one go, and their heads in another: one path each is what makes thousands fast.
function strokes(ctx, list, head = 7) {
  if (list.length === 0) return;
  ctx.beginPath();
  for (const { a, b } of list) {
    ctx.moveTo(a.x, a.y);
    ctx.lineTo(b.x, b.y);
  }
  ctx.stroke();
  if (head === 0) return;
  ctx.beginPath();
  for (const { a, b } of list) {
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const ux = (b.x - a.x) / length;
    const uy = (b.y - a.y) / length;
    ctx.moveTo(b.x, b.y);
    ctx.lineTo(b.x - ux * head - uy * head * 0.45, b.y - uy * head + ux * head * 0.45);
    ctx.lineTo(b.x - ux * head + uy * head * 0.45, b.y - uy * head - ux * head * 0.45);
  }
  ctx.fill();
}

// brokenMessage draws what did not arrive: lost ends in a cross, replaced in a bar, and where nobody recorded the
// receiver the line is dashed.
function brokenMessage(ctx, { a, b, fate }, c, width = 1.5) {
  ctx.strokeStyle = fate === 'unknown' || fate === 'travelling' ? c.muted : c.bad;
  ctx.lineWidth = width;
  ctx.setLineDash(fate === 'replaced' ? [2, 3] : [5, 4]);
  ctx.beginPath();
  ctx.moveTo(a.x, a.y);
  ctx.lineTo(b.x, b.y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.lineWidth = Math.max(2, width);
  ctx.beginPath();
  if (fate === 'lost') {
    ctx.moveTo(b.x - 4, b.y - 4);
    ctx.lineTo(b.x + 4, b.y + 4);
    ctx.moveTo(b.x + 4, b.y - 4);
    ctx.lineTo(b.x - 4, b.y + 4);
  } else if (fate === 'replaced') {
    ctx.moveTo(b.x - 5, b.y);
    ctx.lineTo(b.x + 5, b.y);
  } else ctx.arc(b.x, b.y, 2.5, 0, 7);
  ctx.stroke();
}

function actions({ ctx, view, c, g, model, hits }) {
  ctx.font = font(11, 600);
  ctx.textAlign = 'left';
  let free = -Infinity;
  for (const a of model.actions) {
    if (a.t < view.t0 || a.t > view.t1) continue;
    const x = Math.round(g.x(a.t)) + 0.5;
    ctx.strokeStyle = c.bad;
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.moveTo(x, AXIS + ACTIONS - 4);
    ctx.lineTo(x, view.height);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = c.bad;
    hits.marks.push({ ev: a, x, y: AXIS + 8, r: 9 });
    const text = `${cut(a.raw.text, 40)}${a.raw.detail ? ' (not done)' : ''}`;
    bolt(ctx, x, AXIS + 8);
    if (x < free) continue;
    ctx.fillText(text, x + 8, AXIS + 8.5);
    free = x + 16 + ctx.measureText(text).width;
  }
}

function bolt(ctx, x, y) {
  ctx.beginPath();
  ctx.moveTo(x + 1, y - 7);
  ctx.lineTo(x - 4, y + 1);
  ctx.lineTo(x - 0.5, y + 1);
  ctx.lineTo(x - 1.5, y + 7);
  ctx.lineTo(x + 4, y - 1.5);
  ctx.lineTo(x + 0.5, y - 1.5);
  ctx.closePath();
  ctx.fill();
}

// names writes the servers beside their lanes.
function names({ ctx, view, c, g, lanes, model }) {
  ctx.textAlign = 'left';
  for (const lane of lanes) {
    const y = g.row.get(lane.sid);
    const past = view.t1 < model.latest; // how it is now is not how it was
    const small = view.width < 560 || g.lane < 40 || past;
    ctx.fillStyle = c.text;
    ctx.font = font(13, 650);
    ctx.fillText(view.width < 560 ? `S${lane.sid}` : `server ${lane.sid}`, 10, small ? y : y - 7);
    if (small) continue;
    ctx.font = font(11);
    ctx.fillStyle = c.muted;
    ctx.fillText(lane.events.length ? (lane.now.hidden ? 'out of sight' : view.silent?.has(lane.sid) ? 'no answer' : String(lane.now.state).toLowerCase()) : 'not recorded', 10, y + 8);
  }
}
