// What may be done to the chosen server or line, where faults are allowed, and what is known of it.

import { byId, el } from './dom.js';
import { ask } from './stream.js';
import { cut, voteText } from './words.js';
import { facts } from './outside.js';

const LABELS = {
  kill: ['Kill', 'k', 'ends it as kill -9 does'], restart: ['Restart', 'r', 'ends it and starts it again'], resign: ['Resign', 'g', 'it leaves its place and looks again'],
  pause: ['Pause', 'u', 'it sleeps, as with SIGSTOP'], resume: ['Resume', 'm', 'it wakes'], isolate: ['Isolate', 'i', 'no line to any other server works'],
  zxid: ['Raise zxid', 'z', 'it restarts with a history to speak for'], cut: ['Cut', 'x', 'the line stops working, as a cut cable'], heal: ['Heal', 'h', 'the line works again'],
};
const FOR_SERVER = ['kill', 'restart', 'pause', 'resume', 'isolate', 'resign', 'zxid'];
const FOR_LINE = ['cut', 'heal'];

export class Controls {
  // root is filled; say tells the outcome of an action to the person.
  constructor(root, say) {
    this.root = root;
    this.say = say;
    this.verbs = [];
    this.shown = '';
  }

  // allow says what may be asked for. own is the only server that hears it; null: all do.
  allow(verbs, own = null) {
    this.own = own;
    this.verbs = Array.isArray(verbs) ? verbs : [];
    document.body.classList.toggle('may-act', this.verbs.length > 0);
  }

  // show tells of what is chosen: a server with its state, or a line.
  show(chosen, server) {
    const key = JSON.stringify([chosen, this.verbs, this.own, server?.now.state, server?.now.leader]);
    if (key === this.shown) {
      this.update(server);
      return;
    }
    this.shown = key;
    this.chosen = chosen;
    this.facts = el('dl', { class: 'facts' });
    const parts = [];
    if (chosen?.sid !== undefined) {
      parts.push(el('h3', {}, `Server ${chosen.sid}`), this.facts, this.buttons(FOR_SERVER.filter((v) => this.fits(v, chosen.sid, server)), (verb) => this.server(verb, chosen.sid)));
    } else if (chosen?.sids) {
      const [sid, peer] = chosen.sids[1] === this.own ? [...chosen.sids].reverse() : chosen.sids;
      const verbs = this.own === null || sid === this.own ? FOR_LINE : [];
      parts.push(el('h3', {}, `Line ${chosen.sids[0]} – ${chosen.sids[1]}`), this.buttons(verbs, (verb) => this.send({ fault: verb, sid, peer })));
    } else {
      parts.push(el('p', { class: 'hint' }, this.verbs.length ? 'Choose a server or a line: click it, or use Tab and Enter. Then kill, pause, cut …' : 'Choose a server to see what is known of it. Nothing can be done to servers from here.'));
    }
    if (this.verbs.includes('heal')) parts.push(el('div', { class: 'buttons' }, el('button', { type: 'button', 'data-fault': 'heal-all', title: 'every line works, nobody sleeps', click: () => this.send({ fault: 'heal' }) }, 'Heal everything')));
    // A button that is gone must not take the focus of the keyboard with it.
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.fault : null;
    this.root.replaceChildren(...parts.filter(Boolean));
    if (focused) this.root.querySelector(`[data-fault="${focused}"]`)?.focus();
    this.update(server);
  }

  fits(verb, sid, server) {
    if (!this.verbs.includes(verb) || (this.own !== null && this.own !== sid)) return false;
    const stopped = server?.now.state === 'STOPPED';
    if (stopped) return ['restart', 'zxid', 'isolate'].includes(verb);
    return verb !== 'resign' || server?.now.state === 'LEADING';
  }

  update(server) {
    if (!server || !this.facts) return;
    const { now } = server;
    const rows = server.seen ? facts(server.seen) : [['state', now.state], ['vote', now.vote ? voteText(now.vote) : '–'], ['leader', now.leader === null ? 'none established' : `server ${now.leader}, epoch ${cut(now.epoch, 20)}`],
      ['round', now.round ?? '–'], ['promised / acknowledged', `epoch ${now.accepted ?? '–'} / ${now.current ?? '–'}`], ['zxid', now.zxid ?? '–']];
    if (server.error) rows.push(['answers', `no: ${cut(server.error)}`]);
    if (server.address) rows.push(['asked at', cut(server.address)]);
    this.facts.replaceChildren(...rows.flatMap(([k, v]) => [el('dt', {}, k), el('dd', {}, cut(v))]));
  }

  buttons(verbs, act) {
    const known = verbs.filter((v) => this.verbs.includes(v));
    return known.length ? el('div', { class: 'buttons' }, known.map((verb) => {
      const [label, key, title] = LABELS[verb];
      return el('button', { type: 'button', 'data-fault': verb, 'aria-keyshortcuts': key, title: `${title} (key ${key})`, class: verb === 'kill' ? 'danger' : null, click: () => act(verb) }, label);
    })) : null;
  }

  server(verb, sid) {
    if (verb !== 'zxid') return this.send({ fault: verb, sid });
    const dialog = byId('zxid');
    dialog.querySelector('output').textContent = `server ${sid}`;
    dialog.onclose = () => {
      if (dialog.returnValue === 'ok') this.send({ fault: 'zxid', sid, zxid: dialog.querySelector('input').value.trim() });
    };
    dialog.showModal();
    return null;
  }

  // key acts on what is chosen; it reports whether the key meant something.
  key(name) {
    const verb = Object.keys(LABELS).find((v) => LABELS[v][1] === name);
    const button = verb && this.root.querySelector(`button[data-fault="${verb}"]`);
    if (!button) return false;
    button.click();
    return true;
  }

  async send(fault) {
    const words = [fault.fault, fault.sid, fault.peer, fault.zxid].filter((w) => w !== undefined).join(' ');
    this.say(`${words} …`);
    try {
      await ask('api/v1/faults', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(fault) });
      this.say(`Done: ${words}`);
    } catch (err) {
      this.say(`Not done: ${words}: ${err.message}`);
    }
  }
}
