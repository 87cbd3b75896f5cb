// The ensemble as a graph: servers on a circle, one line for the connection of each pair, votes as arrows.

import { svg, set, text } from './dom.js';
import { pairKey } from './model.js';
import { cut } from './words.js';

const SIZE = 560;
const HEIGHT = 470;

export class Graph {
  // root is an svg element; choose is called with {sid} or {pair: [a, b]} when one is clicked.
  constructor(root, choose) {
    this.root = root;
    this.choose = choose;
    this.nodes = new Map();
    this.lines = new Map();
    this.votes = new Map();
    set(root, { viewBox: `0 0 ${SIZE} ${HEIGHT}`, role: 'group', 'aria-label': 'The ensemble: servers, connections and votes' });
    this.layers = ['lines', 'votes', 'nodes'].map((name) => svg('g', { class: name }));
    root.append(marker(), ...this.layers);
  }

  // show draws servers: [{sid, now, reachable}], with the lines that are cut and those who sleep.
  show(servers, faults, chosen) {
    const places = layout(servers.length);
    const at = new Map(servers.map((s, i) => [s.sid, places.at(i)]));
    this.drawLines(servers, at, faults, chosen, places.r);
    this.drawVotes(servers, at, places.r, faults);
    this.drawNodes(servers, at, places, faults, chosen);
  }

  drawLines(servers, at, faults, chosen, r) {
    const [layer] = this.layers;
    const wanted = new Set();
    for (let i = 0; i < servers.length; i++) {
      for (const b of servers.slice(i + 1)) {
        const a = servers[i];
        const key = pairKey(a.sid, b.sid);
        wanted.add(key);
        const line = this.lines.get(key) ?? this.newLine(key, a.sid, b.sid, layer);
        drawLine(line, a, b, at, faults.cut.has(key), chosen?.pair === key, r);
      }
    }
    this.prune(this.lines, wanted, (l) => l.group);
  }

  newLine(key, a, b, layer) {
    const pick = () => this.choose({ pair: key, sids: [a, b] });
    const group = svg('g', { class: 'line', tabindex: 0, role: 'button', 'data-pair': key, click: pick, keydown: onEnter(pick) },
      svg('line', { class: 'hit' }), svg('line', { class: 'wire' }), svg('circle', { class: 'dialler', r: 5 }), svg('text', { class: 'cut' }, '✂'));
    layer.append(group);
    const line = { group, wire: group.children[1], hit: group.children[0], dot: group.children[2], cut: group.children[3] };
    this.lines.set(key, line);
    return line;
  }

  drawVotes(servers, at, r, faults) {
    const [, layer] = this.layers;
    const wanted = new Set();
    for (const s of servers) {
      const vote = s.now.vote?.leader;
      if (s.now.state === 'STOPPED' || s.hidden || s.now.role === 'observer' || vote === undefined || !at.has(vote)) continue;
      wanted.add(s.sid);
      let path = this.votes.get(s.sid);
      if (!path) {
        path = svg('path', { 'marker-end': 'url(#vote-head)' });
        layer.append(path);
        this.votes.set(s.sid, path);
      }
      const looking = s.now.state === 'LOOKING';
      set(path, { d: arrow(at.get(s.sid), at.get(vote), r, s.sid === vote), class: `vote ${looking ? 'looking' : 'settled'}${faults.paused.has(s.sid) ? ' asleep' : ''}`, 'data-from': s.sid, 'data-to': vote });
    }
    this.prune(this.votes, wanted, (p) => p);
  }

  drawNodes(servers, at, places, faults, chosen) {
    const layer = this.layers[2];
    for (const s of servers) {
      let n = this.nodes.get(s.sid);
      if (!n) {
        n = newNode(s.sid, () => this.choose({ sid: s.sid }));
        layer.append(n.group);
        this.nodes.set(s.sid, n);
      }
      const leads = s.now.state === 'LEADING' && s.now.leader === s.sid;
      const asleep = faults.paused.has(s.sid);
      const state = asleep ? 'PAUSED' : s.hidden ? 'OUT_OF_SIGHT' : s.now.state;
      const p = at.get(s.sid);
      const r = places.r;
      set(n.group, { transform: `translate(${p.x} ${p.y})`, class: `node ${state.toLowerCase()}${leads ? ' established' : ''}${chosen?.sid === s.sid ? ' chosen' : ''}${s.conflict ? ' conflict' : ''}${s.seen?.stale ? ' stale' : ''}`,
        'data-sid': s.sid, 'data-state': state, 'data-established': leads, 'aria-label': describe(s, state, leads) });
      set(n.halo, { r: r + 9 });
      set(n.disc, { r });
      set(n.ring, { r });
      set(n.crown, { transform: `translate(0 ${-r - 8})`, visibility: leads ? null : 'hidden' });
      set(n.name, { y: places.small ? 5 : -r * 0.16, 'font-size': r * 0.62 });
      set(n.state, { y: r * 0.42, 'font-size': Math.max(9, r * (state.length > 9 ? 0.19 : 0.25)), visibility: places.small ? 'hidden' : null });
      text(n.state, state === 'STOPPED' ? 'KILLED' : state.replaceAll('_', ' '));
      facts(n, s, state, places, p);
    }
    this.prune(this.nodes, new Set(servers.map((s) => s.sid)), (n) => n.group);
  }

  prune(map, wanted, nodeOf) {
    for (const [key, value] of map) {
      if (wanted.has(key)) continue;
      nodeOf(value).remove();
      map.delete(key);
    }
  }
}

// layout puts n servers on an ellipse, the first at the top.
function layout(n) {
  const r = n <= 3 ? 54 : n <= 5 ? 42 : n <= 7 ? 35 : n <= 12 ? 22 : 14;
  const rx = n <= 3 ? 175 : 205;
  const ry = n <= 3 ? 140 : 158;
  return { r, small: n > 7, at: (i) => {
    const angle = (2 * Math.PI * i) / Math.max(n, 1) - Math.PI / 2;
    return { x: SIZE / 2 + rx * Math.cos(angle), y: HEIGHT / 2 - 6 + ry * Math.sin(angle) + (n === 3 ? 26 : 0) };
  } };
}

function marker() {
  return svg('defs', {}, svg('marker', { id: 'vote-head', viewBox: '0 0 10 10', refX: 8.5, refY: 5, markerWidth: 5.5, markerHeight: 5.5, orient: 'auto-start-reverse' },
    svg('path', { d: 'M0 0 L10 5 L0 10 z', class: 'vote-head' })));
}

function newNode(sid, pick) {
  const parts = { halo: svg('circle', { class: 'halo' }), disc: svg('circle', { class: 'disc' }), ring: svg('circle', { class: 'ring' }),
    crown: svg('path', { class: 'crown', d: 'M-15 0 L-18 -17 L-8 -9 L0 -20 L8 -9 L18 -17 L15 0 z' }),
    name: svg('text', { class: 'name' }, String(sid)), state: svg('text', { class: 'state' }), facts: [svg('text', { class: 'facts' }), svg('text', { class: 'facts' })] };
  parts.group = svg('g', { tabindex: 0, role: 'button', click: pick, keydown: onEnter(pick) }, parts.halo, parts.disc, parts.ring, parts.crown, parts.name, parts.state, parts.facts);
  return parts;
}

// facts writes round, epochs and zxid below a server.
function facts(n, s, state, places, p) {
  const { round, epoch, accepted, zxid } = s.now;
  const lines = s.seen ? [s.now.round === null ? '' : `round ${cut(s.now.round, 12)} · epoch ${cut(s.now.epoch ?? '–', 12)}`, s.note] : state === 'STOPPED' || state === 'UNKNOWN' ? [s.error ? 'does not answer' : '', ''] : [`round ${cut(round ?? '–', 12)} · epoch ${cut(epoch ?? accepted ?? '–', 12)}`, `zxid ${cut(zxid ?? '–', 20)}`];
  lines.forEach((line, i) => {
    set(n.facts[i], { y: places.r + 22 + i * 17, visibility: places.small ? 'hidden' : null });
    text(n.facts[i], line);
  });
}

function describe(s, state, leads) {
  const vote = s.now.vote?.leader;
  return `Server ${s.sid}: ${leads ? 'the established leader' : state.toLowerCase().replaceAll('_', ' ')}, round ${cut(s.now.round ?? 'unknown', 20)}${vote === undefined ? '' : `, votes for server ${vote}`}`;
}

// drawLine shows a connection: full while it stands, with a dot at the end that dialled it.
function drawLine(line, a, b, at, isCut, chosen, r) {
  const up = a.now.links.get(b.sid) ?? b.now.links.get(a.sid);
  const stands = Boolean(up) && a.now.state !== 'STOPPED' && b.now.state !== 'STOPPED';
  const [p, q] = [shorten(at.get(a.sid), at.get(b.sid), r + 6), shorten(at.get(b.sid), at.get(a.sid), r + 6)];
  for (const l of [line.wire, line.hit]) set(l, { x1: p.x, y1: p.y, x2: q.x, y2: q.y });
  const mine = a.now.links.get(b.sid);
  const byA = mine ? mine.byUs : !b.now.links.get(a.sid)?.byUs;
  const dot = byA ? p : q;
  set(line.dot, { cx: dot.x, cy: dot.y, visibility: stands ? null : 'hidden' });
  set(line.cut, { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2, visibility: isCut ? null : 'hidden' });
  set(line.group, { class: `line ${stands ? 'up' : 'down'}${isCut ? ' is-cut' : ''}${chosen ? ' chosen' : ''}`,
    'aria-label': `Connection of servers ${a.sid} and ${b.sid}: ${isCut ? 'cut' : stands ? `up, dialled by server ${byA ? a.sid : b.sid}` : 'down'}` });
}

function shorten(from, to, by) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  return { x: from.x + ((to.x - from.x) * by) / length, y: from.y + ((to.y - from.y) * by) / length };
}

// arrow is the path of a vote: bent to one side of the line, a loop for an own vote.
function arrow(from, to, r, own) {
  if (own) {
    const out = from.x < SIZE / 2 - 1 ? -1 : 1; // away from the others
    const x = from.x + out * (r + 8);
    return `M${x} ${from.y - 10} c ${out * 34} -22 ${out * 34} 42 ${out * 3} 20`;
  }
  const a = shorten(from, to, r + 10);
  const b = shorten(to, from, r + 14);
  const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
  const bend = 34;
  const [mx, my] = [(a.x + b.x) / 2 + ((a.y - b.y) / length) * -bend, (a.y + b.y) / 2 + ((b.x - a.x) / length) * -bend];
  const [s, e] = [shorten(from, { x: mx, y: my }, r + 10), shorten(to, { x: mx, y: my }, r + 14)];
  return `M${s.x} ${s.y} Q${mx} ${my} ${e.x} ${e.y}`;
}


function onEnter(act) {
  return (e) => {
    if (e.key !== 'Enter' && e.key !== ' ') return;
    e.preventDefault();
    act();
  };
}
