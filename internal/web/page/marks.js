// The marks on the lanes of the space-time picture: votes, rounds, quorums, decisions, epochs, and the words above.

import { MARKS } from './words.js';

export const font = (size, weight = 400) => `${weight} ${size}px system-ui, -apple-system, "Segoe UI", sans-serif`;

const SHAPES = {
  VoteChanged: ['diamond', 'vote'], RoundChanged: ['tick', 'round'], QuorumReached: ['ring', 'mark'], QuorumUndone: ['cross', 'bad'],
  ElectionDecided: ['square', 'mark'], LeaderEstablished: ['star', 'leading'], LeaderLost: ['cross', 'bad'], ElectionAborted: ['cross', 'bad'],
  NodeStopped: ['cross', 'muted'], NodeStarted: ['triangle', 'muted'], EpochProposed: ['dot', 'leading'], EpochPromised: ['dot', 'leading'],
  HeartbeatMissed: ['cross', 'bad'], ConnectionDown: ['low', 'bad'], ConnectionUp: ['low', 'muted'], ElectionStarted: ['triangle', 'looking'],
  FollowerJoined: ['dot', 'following'], FollowerLost: ['cross', 'bad'], ConfigSeen: ['dot', 'round'], HistoryRefused: ['cross', 'bad'], EventsDropped: ['cross', 'bad'],
};
const RANK = new Map(Object.keys(MARKS).map((n, i) => [n, i]));
const QUIET = new Set(['ConnectionUp', 'ConnectionDown', 'NodeStarted']); // no words beside them

// STEP is how long one step of a server takes at most, in microseconds.
const STEP = 1;

// DENSE is how many events of a lane can be told apart.
const DENSE = 250;

// marks draws what happened on the lanes, and as many of the words as there is room for.
export function marks(p) {
  const { ctx, view, c, g, lanes, hits } = p;
  for (const lane of lanes) {
    const y = g.row.get(lane.sid);
    const found = [];
    const seen = new Set();
    const first = place(lane.events, view.t0);
    // Where there are too many to be told apart, those of a kind that fall close together are drawn once.
    const grain = Math.max(1, (place(lane.events, view.t1) - first) / DENSE);
    for (let i = first; i < lane.events.length; i++) {
      const ev = lane.events[i];
      if (ev.t > view.t1) break;
      const shape = SHAPES[ev.name];
      if (!shape || (ev.name === 'RoundChanged' && ev.raw.cause === 'start')) continue;
      const x = g.x(ev.t);
      const key = `${ev.name} ${Math.round(x / grain)}`;
      if (seen.has(key) && view.event !== ev) continue;
      seen.add(key);
      found.push({ ev, x: beside(found, ev, x, g.bar), y: shape[0] === 'low' ? y + g.bar / 2 : y, r: 8, shape });
    }
    for (const m of found.sort((a, b) => RANK.get(b.ev.name) - RANK.get(a.ev.name))) {
      shapeAt(ctx, m, c, g, view.event === m.ev);
      hits.marks.push(m);
    }
    if (g.lane >= 44) labels(ctx, found.reverse(), y, c, g, view);
  }
}

// beside is where a mark stands: at its time, but what happened in one step stands side by side, in its order.
function beside(found, ev, x, bar) {
  const last = found.findLast((m) => m.shape[0] !== 'low');
  if (!last || SHAPES[ev.name][0] === 'low' || ev.t - last.ev.t > STEP) return x;
  return Math.max(x, last.x + bar * 0.7);
}

// place is the index of the first event at or after t.
function place(list, t) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].t < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function shapeAt(ctx, { x, y, shape: [form, colour] }, c, g, chosen) {
  const h = g.bar / 2;
  ctx.fillStyle = c[colour];
  ctx.strokeStyle = c.panel;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  switch (form) {
    case 'diamond': poly(ctx, x, y, [[0, -h - 2], [h * 0.75, 0], [0, h + 2], [-h * 0.75, 0]]); break;
    case 'tick': ctx.rect(x - 2, y - h - 4, 4, 2 * h + 8); break;
    case 'square': ctx.rect(x - h * 0.7, y - h * 0.7, h * 1.4, h * 1.4); break;
    case 'triangle': poly(ctx, x, y, [[-4, -h - 4], [4, -h - 4], [0, -h + 3]]); break;
    case 'dot': ctx.arc(x, y, h * 0.45, 0, 7); break;
    case 'star': star(ctx, x, y, h + 3); break;
    case 'low': ctx.rect(x - 1, y + 1, 2, 6); break;
    case 'cross': poly(ctx, x, y, [[-6, -3], [-3, -6], [0, -3], [3, -6], [6, -3], [3, 0], [6, 3], [3, 6], [0, 3], [-3, 6], [-6, 3], [-3, 0]]); break;
    default: // ring
      ctx.arc(x, y, h * 0.7, 0, 7);
      ctx.fillStyle = c.panel;
      ctx.fill();
      ctx.strokeStyle = c[colour];
      ctx.lineWidth = 2.5;
  }
  if (form !== 'ring') ctx.fill();
  if (form !== 'low') ctx.stroke();
  if (chosen) {
    ctx.strokeStyle = c.accent;
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    ctx.arc(x, y, h + 7, 0, 7);
    ctx.stroke();
  }
  ctx.lineWidth = 1;
}

function poly(ctx, x, y, points) {
  points.forEach(([dx, dy], i) => (i ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
  ctx.closePath();
}

function star(ctx, x, y, r) {
  for (let i = 0; i < 10; i++) {
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    const radius = i % 2 ? r * 0.45 : r;
    const to = [x + Math.cos(angle) * radius, y + Math.sin(angle) * radius];
    if (i) ctx.lineTo(...to);
    else ctx.moveTo(...to);
  }
  ctx.closePath();
}

// labels writes the words above a lane, the most important first, in rows without overlap.
function labels(ctx, found, y, c, g, view) {
  ctx.font = font(11, 500);
  ctx.textAlign = 'left';
  const rows = g.lane >= 84 ? 2 : 1;
  const taken = Array.from({ length: rows }, () => []);
  const important = found.sort((a, b) => RANK.get(a.ev.name) - RANK.get(b.ev.name));
  for (const m of important.slice(0, 60)) {
    if (QUIET.has(m.ev.name)) continue;
    const text = MARKS[m.ev.name](m.ev.raw);
    const width = ctx.measureText(text).width;
    const x = Math.min(Math.max(m.x - 4, g.gutter + 2), view.width - width - 4);
    const row = taken.findIndex((r) => r.every(([a, b]) => x > b + 8 || x + width < a - 8));
    if (row < 0) continue;
    taken[row].push([x, x + width]);
    const ty = y - g.bar / 2 - 11 - row * 14;
    ctx.lineWidth = 4;
    ctx.lineJoin = 'round';
    ctx.strokeStyle = c.panel;
    ctx.strokeText(text, x, ty);
    ctx.fillStyle = view.event === m.ev ? c.accent : c.text;
    ctx.fillText(text, x, ty);
  }
  ctx.lineWidth = 1;
}

// marksAt lists where marks will stand on a lane.
export function marksAt({ view, g }, lane) {
  const all = [];
  let before = -Infinity;
  for (let i = place(lane.events, view.t0); i < lane.events.length && lane.events[i].t <= view.t1; i++) {
    const ev = lane.events[i];
    const shape = SHAPES[ev.name];
    if (!shape || shape[0] === 'low' || (ev.name === 'RoundChanged' && ev.raw.cause === 'start')) continue;
    const last = all.length - 1;
    all.push(last >= 0 && ev.t - before <= STEP ? Math.max(g.x(ev.t), all[last] + g.bar * 0.7) : g.x(ev.t));
    before = ev.t;
  }
  return all;
}
