// The page: one model, the views of it, and where the events come from.

import { Model } from './model.js';
import { SpaceTime } from './spacetime.js';
import { Graph } from './graph.js';
import { Controls } from './controls.js';
import { Elections } from './elections.js';
import { Live, lines, ask } from './stream.js';
import { Files } from './files.js';
import { STYLES, theme } from './paint.js';
import { details } from './details.js';
import { byId, el, text } from './dom.js';
import { clock, duration } from './time.js';
import { cut, sentence } from './words.js';
import { leadership, serversOf } from './present.js';
import * as outside from './outside.js';
import { keys, tabs, themes } from './shell.js';

const MOST_LISTED = 200;

class App {
  constructor() {
    this.live = new Model();
    this.model = this.live;
    this.glance = { members: [], faults: [], trace_url: '', kind: '', files: [] };
    this.summaries = [];
    this.chosen = null;
    this.spacetime = new SpaceTime(byId('canvas'), byId('map'), (what) => this.spaceChanged(what));
    this.graph = new Graph(byId('graph'), (choice) => this.choose(choice));
    this.controls = new Controls(byId('controls'), (words) => this.say(words));
    this.elections = new Elections(byId('election-table'), byId('compare'), { open: (g) => this.openElection(g), trace: (e) => this.trace(e), load: (o) => this.load(o) });
    this.elections.refresh = () => this.update();
    this.files = new Files((model, names) => this.look(model, names), (words) => this.say(words), () => this.model);
    this.buttons();
    this.legend();
    tabs((tab) => tab !== 'now' && this.spacetime.resize());
    themes(() => this.recolour());
    keys((key) => this.key(key));
    this.recolour();
    this.spacetime.use(this.live);
    this.source = new Live({ events: (list) => this.events(list), action: (raw) => this.events([raw]), gap: (missed, reason) => this.gap(missed, reason),
      glance: (answer) => this.glanced(answer), state: (state) => this.streamState(state) });
    setInterval(() => this.tick(), 100);
    this.update();
  }

  get isLive() {
    return this.model === this.live && this.glance.kind !== 'recording';
  }

  events(list) {
    for (const raw of list) this.live.add(raw);
    this.wantSummaries ||= list.some((r) => r.event === 'LeaderEstablished' || r.event === 'ElectionStarted');
    this.later();
  }

  gap(missed, reason) {
    if (reason === 'restart') {
      this.live.clear();
      this.spacetime.select(null);
    } else this.live.gap(missed);
    this.later();
  }

  glanced(answer) {
    if (this.glance.stream && this.glance.stream !== answer.stream) this.wantSummaries = true;
    const kind = this.glance.kind;
    this.glance = answer;
    document.body.dataset.kind = answer.kind;
    if (answer.watch) this.fromOutside(answer.watch);
    if (kind !== answer.kind && this.source) this.streamState(this.source.state);
    this.allow();
    this.spacetime.live = this.isLive;
    this.spacetime.clockOffset = Date.parse(answer.now) - Date.now();
    if (!this.asked) this.wantSummaries = true;
    for (const m of answer.members) {
      if (m.status) for (const sid of [m.status.sid, ...m.status.peers.map((p) => p.sid)]) this.live.lane(sid);
    }
    this.later();
  }

  // fromOutside takes what a watcher knows of a foreign ensemble.
  fromOutside(watch) {
    this.live.watchedBy(Number(watch.watcher_sid));
    for (const s of watch.servers) this.live.lane(s.sid);
    text(byId('outside'), outside.notice(watch));
    byId('outside').hidden = false;
    this.banner();
  }

  // allow offers what may be done: in a demo to all servers, on the page of a node to that one.
  allow() {
    const own = this.glance.kind === 'node' ? this.glance.members[0]?.status?.sid ?? NaN : null;
    this.controls.allow(this.model === this.live ? this.glance.faults : [], own);
  }

  // fetchSummaries learns which elections the servers have recorded, and under which traces.
  async fetchSummaries() {
    this.asked = true;
    this.wantSummaries = false;
    try {
      this.summaries = (await ask('api/v1/ensemble/elections')).elections;
      this.traces = new Map(this.summaries.filter((s) => s.trace_id).map((s) => [this.traceKey(s.sid, this.live.at(s.start)), s.trace_id]));
      this.later();
    } catch {
      this.wantSummaries = true; // again with the next events
    }
  }

  traceKey(sid, t) {
    return `${sid} ${Math.round(t * 1000)}`;
  }

  // trace is the link to the trace of a server's election; null: none is known.
  trace(election) {
    const id = election && this.model === this.live ? this.traces?.get(this.traceKey(election.sid, election.start.wall)) : this.model.traces?.get(election?.sid);
    if (!id || !this.glance.trace_url) return null;
    try {
      const url = new URL(this.glance.trace_url.replace('{trace_id}', encodeURIComponent(id)), location.href);
      return /^https?:$/.test(url.protocol) ? url.href : null;
    } catch {
      return null;
    }
  }

  // later gathers changes for one update.
  later() {
    if (this.due) return;
    this.due = setTimeout(() => {
      this.due = null;
      this.update();
    }, 60);
  }

  update() {
    const { model } = this;
    this.spacetime.refresh();
    this.showGraph();
    this.showElections();
    this.tick();
    if (this.wantSummaries && this.glance.kind) this.fetchSummaries();
    document.body.dataset.events = model.events.length;
  }

  showElections() {
    const known = new Set(this.live.lanes.flatMap((l) => l.elections.map((e) => this.traceKey(l.sid, e.start.wall))));
    const older = this.model === this.live ? this.summaries.filter((s) => !known.has(this.traceKey(s.sid, this.live.at(s.start)))) : [];
    this.elections.show(this.model, this.spacetime.groups ?? [], older);
  }

  // showGraph shows the ensemble as it is now or, while an event is chosen, as it was then.
  showGraph() {
    const then = this.spacetime.selected?.event?.t ?? null;
    const servers = serversOf(this.model, this.isLive && then === null ? this.glance : null, then);
    const faults = this.model.faults(then ?? Infinity);
    this.graph.show(servers, faults, this.chosen);
    this.controls.show(this.chosen, servers.find((s) => s.sid === this.chosen?.sid));
    text(byId('now-title'), then === null ? (this.isLive ? 'Now' : 'At the end') : `At ${clock(this.model.base, then, 6)}`);
    byId('present').hidden = then === null;
  }

  // tick is what goes on by itself: who leads, and for how long nobody does.
  tick() {
    const { model } = this;
    const now = Math.max(model.latest, this.spacetime.nowTime());
    const servers = serversOf(model, this.isLive ? this.glance : null, null);
    this.spacetime.view.silent = new Set(servers.filter((s) => s.error && s.now.state === 'UNKNOWN').map((s) => s.sid));
    const watch = this.isLive ? this.glance.watch : null;
    const who = watch ? outside.leadership(watch, model) : leadership(servers, model, this.isLive ? this.glance : null);
    document.body.dataset.leader = who.leader ?? '';
    text(byId('leader'), who.words ? who.words : who.leader !== null ? `Server ${who.leader} leads · epoch ${cut(who.epoch, 20)}` : model.events.length ? 'No established leader' : 'Nothing heard yet');
    byId('leader').classList.toggle('none', who.leader === null);
    text(byId('clock'), Number.isFinite(who.since) && Number.isFinite(now) ? `for ${duration(now - who.since)}` : '');
    document.title = who.leader !== null ? `server ${who.leader} leads · electnode` : 'no leader · electnode';
    this.scope();
    if ((this.spacetime.follow === 'live' || this.spacetime.idle) && this.isLive) {
      this.spacetime.fitLive();
      this.spacetime.draw();
    } else if (who.leader === null && this.isLive) this.spacetime.draw();
  }

  scope() {
    const { kind, members, files, watch } = this.glance;
    if (watch) {
      text(byId('scope'), outside.scope(watch));
      return;
    }
    const silent = members.filter((m) => !m.status).length;
    const words = { demo: 'demo: all servers in one process', recording: `recording: ${cut((files ?? []).join(', '), 80)}` }[kind] ??
      (members.length > 1 ? `${members.length} servers asked${silent ? `, ${silent} ${silent === 1 ? 'does' : 'do'} not answer` : ''}` : 'this node’s own view');
    text(byId('scope'), kind ? words : '');
  }

  streamState(state) {
    document.body.dataset.stream = state;
    text(byId('stream'), state !== 'live' ? 'stream lost' : this.glance.kind === 'recording' ? 'recording' : 'live');
    this.banner();
  }

  banner() {
    const bar = byId('banner');
    const alarm = this.glance.watch ? outside.alarm(this.glance.watch) : '';
    if (this.model !== this.live) {
      bar.replaceChildren(`You look at ${cut(this.names, 100)}, not at what happens now. `, el('button', { type: 'button', id: 'back', click: () => this.look(this.live) }, 'Back to the live view'));
    } else if (document.body.dataset.stream === 'lost') {
      bar.replaceChildren('The connection to the server is lost: what you see may be out of date. This page tries again by itself.');
    } else if (alarm) bar.replaceChildren(alarm);
    bar.hidden = this.model === this.live && document.body.dataset.stream !== 'lost' && !alarm;
  }

  // look shows another model: a file or a recorded election, or the live one again.
  look(model, names = '') {
    this.model = model;
    this.names = names;
    this.chosen = null;
    this.spacetime.live = this.isLive;
    this.allow();
    this.spacetime.use(model);
    this.banner();
    this.update();
  }

  // load shows an election that only the recorder has.
  async load(summary) {
    try {
      const same = this.summaries.filter((s) => s.trace_id && s.trace_id === summary.trace_id);
      const model = new Model();
      model.traces = new Map(); // by server: an election is made anew when earlier events come
      for (const s of same.length ? same : [summary]) {
        for (const raw of await lines(`api/v1/ensemble/elections/${encodeURIComponent(s.sid)}/${encodeURIComponent(s.id)}`)) model.add(raw);
        model.traces.set(s.sid, s.trace_id);
      }
      this.look(model, `the recording of ${summary.start}`);
    } catch (err) {
      this.say(`Not loaded: ${err.message}`);
    }
  }

  openElection(g) {
    document.querySelector('nav [data-tab=spacetime]').click();
    this.spacetime.select(null);
    this.spacetime.fitElection(g);
    byId('spacetime').scrollIntoView({ block: 'nearest' });
  }

  choose(choice) {
    this.chosen = choice.sid !== undefined ? { sid: choice.sid } : { pair: choice.pair, sids: choice.sids };
    this.showGraph();
  }

  // spaceChanged follows the space-time view: another choice, another part of time.
  spaceChanged(what) {
    if (what === 'selection') {
      const parts = details(this.model, this.spacetime.selected, { go: (c) => this.spacetime.select(c, true), trace: (e) => this.trace(e), origin: this.spacetime.view.origin });
      byId('details').replaceChildren(...parts);
      this.showGraph();
    }
    if (what === 'size') this.elections.paint();
    const { follow } = this.spacetime;
    for (const b of document.querySelectorAll('[data-time=election], [data-time=live]')) b.setAttribute('aria-pressed', String(b.dataset.time === follow));
    this.listing ??= setTimeout(() => {
      this.listing = null;
      this.list(this.spacetime.view);
    }, 150);
  }

  // list is the view as text, for those who do not see the picture.
  list(view) {
    const { model } = this;
    if (model.base === null) return;
    const from = model.indexOf(view.t0);
    const to = model.indexOf(view.t1);
    text(byId('seen'), `${duration(view.t1 - view.t0)} in view from ${clock(model.base, view.t0, 6)} UTC, ${to - from} events${model.missed ? `; ${model.missed} events are missing` : ''}${model.skipped ? `; ${model.skipped} lines are not events` : ''}`);
    if (!byId('list').open) return;
    const rows = model.events.slice(from, Math.min(to, from + MOST_LISTED)).map((ev) => el('tr', {}, el('td', {}, clock(model.base, ev.t, 6)), el('td', {}, ev.outside ? 'watcher' : ev.sid ?? ''),
      el('td', {}, el('button', { type: 'button', class: 'link', click: () => this.spacetime.select(ev.message ? { message: ev.message, event: ev } : { event: ev }) }, sentence(ev)))));
    if (to - from > MOST_LISTED) rows.push(el('tr', {}, el('td', { colspan: 3 }, `${to - from - MOST_LISTED} more: zoom in`)));
    byId('list').querySelector('tbody').replaceChildren(...rows);
  }

  buttons() {
    const acts = { election: () => this.spacetime.setFollow('election'), vote: () => this.spacetime.fitVotes(), live: () => this.spacetime.setFollow('live'), all: () => this.spacetime.fitAll(), in: () => this.spacetime.zoom(0.5), out: () => this.spacetime.zoom(2),
      left: () => this.spacetime.pan(-0.3), right: () => this.spacetime.pan(0.3), previous: () => this.spacetime.step(-1), next: () => this.spacetime.step(1) };
    for (const b of document.querySelectorAll('[data-time]')) b.addEventListener('click', acts[b.dataset.time]);
    byId('present').addEventListener('click', () => this.spacetime.select(null));
    byId('list').addEventListener('toggle', () => this.list(this.spacetime.view));
    byId('details').replaceChildren(...details(this.model, null, {}));
  }

  legend() {
    const items = STYLES.slice(0).reverse().map((s) => el('span', { class: `message ${s.name}` }, s.label));
    byId('messages-legend').replaceChildren(...items, el('span', { class: 'message lost' }, 'lost ✕ or replaced ⊤'));
  }

  // key is a key pressed anywhere but in a field.
  key(key) {
    return this.chosen && this.model === this.live ? this.controls.key(key) : false;
  }

  recolour() {
    this.spacetime.recolour();
    this.elections.paint(theme());
  }

  say(words) {
    text(byId('said'), words);
  }
}

window.electnode = new App();
