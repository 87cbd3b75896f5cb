// The list of elections, and two of them beside each other.

import { el } from './dom.js';
import { clock, duration } from './time.js';
import { cut, howWords, reasonWords } from './words.js';
import { paint } from './paint.js';
import { stretchOf } from './groups.js';

const PHASES = [['first_vote_heard', 'first vote heard'], ['quorum', 'quorum'], ['decided', 'decided'], ['established', 'established']];
const MOST_ROWS = 100;

export class Elections {
  // open(group) shows one in the space-time view; trace(election) is a link or null; load(summary) shows one that only
  // the recorder has.
  constructor(table, compare, { open, trace, load }) {
    Object.assign(this, { table, compare, open, trace, load });
    this.picked = [];
    this.shown = '';
  }

  // show lists the groups of a model, and summaries of elections that are not in it any more.
  show(model, groups, older) {
    this.model = model;
    const key = JSON.stringify([groups.slice(0, MOST_ROWS).map((g) => [g.key, g.t1, g.members.length, g.how, g.votes, this.trace(g.chief)]), older.map((o) => [o.sid, o.id]), this.picked]);
    if (key === this.shown) return;
    this.shown = key;
    const focused = this.table.contains(document.activeElement) ? document.activeElement.id : null;
    const rows = groups.slice(0, MOST_ROWS).map((g) => this.row(g));
    this.table.tBodies[0].replaceChildren(...rows, ...older.slice(0, MOST_ROWS).map((o) => this.olderRow(o)));
    if (rows.length + older.length === 0) this.table.tBodies[0].append(el('tr', {}, el('td', { colspan: 9, class: 'hint' }, 'No election yet.')));
    if (focused) document.getElementById(focused)?.focus();
    this.two(groups);
  }

  row(g) {
    const id = `pick-${idOf(g)}`;
    const link = this.trace(g.chief);
    const result = g.epoch !== null ? `server ${cut(g.leader, 20)}, epoch ${cut(g.epoch, 20)}` : g.running ? 'running' : 'no leader';
    return el('tr', { 'data-key': g.key, class: g.epoch === null ? 'bad' : null },
      el('td', {}, el('input', { type: 'checkbox', id, 'aria-label': `compare the election of ${clock(this.model.base, g.t0, 3)}`, checked: this.picked.includes(g.key), change: (e) => this.pick(g.key, e.target.checked) })),
      el('td', {}, el('button', { type: 'button', class: 'link', id: `open-${idOf(g)}`, click: () => this.open(g) }, clock(this.model.base, g.t0, 3))),
      el('td', { title: reasonWords(g.reason) }, g.kind === 'joined' ? `server ${g.chief.sid} joined` : cut(g.reason, 30)),
      el('td', {}, result),
      el('td', { title: g.how ? howWords(g.how) : '' }, cut(g.how || '–', 30)),
      el('td', { class: 'wide' }, bar(g.phases)),
      el('td', { class: 'number' }, duration(g.phases.established ?? g.t1 - g.t0)),
      el('td', { class: 'number' }, `${g.votes} / ${g.foreign ? '–' : g.sent}`),
      el('td', {}, link ? el('a', { href: link, target: '_blank', rel: 'noopener noreferrer' }, 'trace') : ''));
  }

  olderRow(o) {
    const at = String(o.start).slice(11, 23);
    return el('tr', { class: 'older' }, el('td', {}), el('td', {}, el('button', { type: 'button', class: 'link', click: () => this.load(o) }, at)),
      el('td', { title: reasonWords(o.reason) }, cut(o.reason, 30)), el('td', {}, o.epoch === null ? 'no leader' : `server ${cut(o.leader, 20)}, epoch ${cut(o.epoch, 20)}`),
      el('td', {}, cut(o.how || '–', 30)), el('td', { class: 'wide' }, `recorded by server ${cut(o.sid, 20)}`), el('td', { class: 'number' }, duration((o.phases?.established_ns || o.duration_ns) / 1000)),
      el('td', { class: 'number' }, `${cut(o.vote_changes, 9)} / ${cut(o.notifications_sent, 9)}`), el('td', {}));
  }

  pick(key, on) {
    this.picked = this.picked.filter((k) => k !== key);
    if (on) this.picked = [...this.picked, key].slice(-2);
    this.shown = '';
    this.refresh();
  }

  // two shows the picked elections beside each other, on one scale of time.
  two(groups) {
    const chosen = this.picked.map((k) => groups.find((g) => g.key === k)).filter(Boolean);
    this.compare.hidden = chosen.length < 2;
    this.drawn = [];
    if (chosen.length < 2) return;
    const [a, b] = chosen;
    const name = (g) => `${clock(this.model.base, g.t0, 3)} ${cut(g.reason, 30)}`;
    const rows = [...PHASES.map(([k, label]) => [label, a.phases[k], b.phases[k], duration]), ['rounds', a.rounds, b.rounds, String], ['vote changes', a.votes, b.votes, String], ['notifications sent', a.sent, b.sent, String]];
    const value = (x, form) => (x === null ? '–' : form(x));
    const table = el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, ''), el('th', { scope: 'col' }, name(a)), el('th', { scope: 'col' }, name(b)), el('th', { scope: 'col' }, 'difference'))),
      el('tbody', {}, [['how', a, b]].map(() => el('tr', {}, el('th', { scope: 'row' }, 'decided'), el('td', {}, cut(a.how ?? '–', 30)), el('td', {}, cut(b.how ?? '–', 30)), el('td', {}))),
        rows.map(([label, x, y, form]) => el('tr', {}, el('th', { scope: 'row' }, label), el('td', { class: 'number' }, value(x, form)), el('td', { class: 'number' }, value(y, form)),
          el('td', { class: 'number' }, x === null || y === null ? '–' : `${y > x ? '+' : ''}${form(y - x)}`)))));
    const canvases = chosen.map((g) => [el('canvas', { role: 'img', 'aria-label': `space-time of the election of ${name(g)}` }), g]);
    this.compare.replaceChildren(el('h3', {}, 'Compared, on one scale of time'), el('div', { class: 'pair' }, canvases.map(([c, g]) => el('figure', {}, el('figcaption', {}, name(g)), c))), table);
    this.drawn = canvases;
    this.paint();
  }

  // paint draws the compared elections again, after a change of size or colours.
  paint(colours = this.colours) {
    this.colours = colours;
    if (!this.drawn?.length || !colours) return;
    const parts = this.drawn.map(([, g]) => stretchOf(this.model, g));
    const long = Math.max(...parts.map((p) => p.t1 - p.t0));
    this.drawn.forEach(([canvas, g], i) => {
      const width = canvas.parentElement.clientWidth;
      const height = 60 + this.model.lanes.length * 58;
      const ratio = window.devicePixelRatio || 1;
      canvas.width = width * ratio;
      canvas.height = height * ratio;
      canvas.style.height = `${height}px`;
      const ctx = canvas.getContext('2d');
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      paint(ctx, this.model, { t0: parts[i].t0, t1: parts[i].t0 + long, origin: g.t0, width, height, now: this.model.latest, chosen: null, event: null }, colours);
    });
  }
}

// bar shows the phases as parts of one bar, each to the scale of the whole.
function bar(p) {
  const end = p.established ?? p.decided;
  if (!end) return '–';
  const steps = [];
  let before = 0;
  for (const [key, label] of PHASES) {
    if (p[key] === null || p[key] < before) continue;
    steps.push(el('span', { class: `phase ${key}`, 'data-share': (((p[key] - before) / end) * 100).toFixed(2), title: `${label} after ${duration(p[key])}` }));
    before = p[key];
  }
  // Styles by script are no inline styles of the markup: the policy allows them.
  for (const s of steps) s.style.width = `${s.dataset.share}%`;
  return el('span', { class: 'phases', role: 'img', 'aria-label': PHASES.filter(([k]) => p[k] !== null).map(([k, label]) => `${label} ${duration(p[k])}`).join(', ') }, steps);
}


function idOf(g) {
  return g.key.replaceAll(/[^\w.-]/g, '-');
}
