// The list of watched ensembles: who leads each of them, and a link to its page.

import { ask } from './stream.js';
import { byId, el, text } from './dom.js';
import { cut } from './words.js';
import { duration } from './time.js';
import { alarm } from './outside.js';

const ASK_EVERY = 1000;

async function update() {
  try {
    const { ensembles } = await ask('api/v1/watch', { cache: 'no-store' });
    show(ensembles);
    byId('banner').hidden = true;
  } catch {
    byId('banner').replaceChildren('The connection to the server is lost: what you see may be out of date. This page tries again by itself.');
    byId('banner').hidden = false;
  }
  setTimeout(update, ASK_EVERY);
}

function show(ensembles) {
  const led = ensembles.filter((e) => e.has_leader).length;
  text(byId('summary'), `${ensembles.length} ensembles, ${led} with a leader`);
  document.title = `${led} of ${ensembles.length} with a leader · electnode`;
  const body = byId('ensembles').querySelector('tbody');
  const focused = body.contains(document.activeElement) ? document.activeElement.id : null;
  body.replaceChildren(...ensembles.map(row));
  if (focused) byId(focused)?.focus();
}

function row(e) {
  const since = e.has_leader ? e.since : e.leaderless_since ?? e.since;
  const hidden = e.servers.filter((s) => !s.up).length;
  return el('tr', { 'data-name': e.name, 'data-leader': e.has_leader ? e.leader : '', class: e.has_leader && e.ready && e.conflicting_leaders.length === 0 ? null : 'bad' },
    el('td', {}, el('a', { href: `ensembles/${encodeURIComponent(e.name).replaceAll('%3A', ':')}/`, id: `to-${e.name}` }, cut(e.name, 100))),
    el('td', {}, e.has_leader ? `server ${cut(e.leader, 20)}, epoch ${cut(e.epoch, 20)}` : 'no leader'),
    el('td', {}, since ? duration((Date.parse(e.at) - Date.parse(since)) * 1000) : '–'),
    el('td', {}, `${e.servers.length}${hidden ? `, ${hidden} out of sight` : ''}`),
    el('td', {}, String(e.leader_changes_total)),
    el('td', {}, e.leaderless_seconds_total > 0 ? duration(e.leaderless_seconds_total * 1e6) : 'never'),
    el('td', {}, alarm(e) || cut(e.reason, 200)));
}

update();
