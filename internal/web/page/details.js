// What is chosen in the space-time view, told in words: a message, or an event on a lane.

import { el } from './dom.js';
import { duration, clock } from './time.js';
import { causeWords, cut, howWords, receivedDid, reasonWords, sentence, sentWhy, voteText } from './words.js';
import { causeOf, effects, ending } from './causes.js';

// details makes the contents of the panel. go(choice) chooses something else; trace(election) is a link or null.
export function details(model, choice, { go, trace, origin }) {
  if (!choice) return [hint()];
  const at = (t) => `${clock(model.base, t, 6)}${origin === null ? '' : ` (${t >= origin ? '+' : ''}${duration(t - origin)})`}`;
  const tools = { model, go, at };
  const parts = choice.message ? message(choice.message, tools) : happening(choice.event, tools);
  const link = trace((choice.event ?? choice.message.sent ?? choice.message.received).election);
  if (link) parts.push(el('p', {}, el('a', { href: link, rel: 'noopener noreferrer', target: '_blank', class: 'trace' }, 'Open the trace of this election')));
  return parts;
}

function hint() {
  return el('p', { class: 'hint' }, 'Click an arrow or a mark, or press ', el('kbd', {}, 'n'), ' to step from event to event: what it was, why it was sent and what it did stands here.');
}

function message(m, { model, go, at }) {
  const fate = model.fate(m);
  const told = (m.received ?? m.sent)?.raw;
  const parts = [el('h3', {}, `Server ${m.from} → server ${m.to}`, badge(fate))];
  const rows = [];
  if (told) rows.push(['says', `${cut(told.state, 20)} in round ${cut(told.round, 20)}, vote for ${voteText(told.vote)}`]);
  if (m.sent) rows.push(['sent', at(m.sent.t)], ['why', sentWhy(m.sent.raw.cause)]);
  if (m.received) {
    rows.push(['received', `${at(m.received.t)}${m.sent ? `, ${duration(m.t1 - m.t0)} later` : ''}`]);
    rows.push(['did', receivedDid(m.received.raw.outcome) + (m.received.raw.detail ? `: ${cut(m.received.raw.detail)}` : '')]);
  } else rows.push(['received', { lost: 'never: it was lost', replaced: 'never: a newer one took its place before it was sent', travelling: 'not yet', unknown: 'not known: its receiver is not recorded' }[fate]]);
  if (m.id) rows.push(['message id', m.id]);
  parts.push(fields(rows));
  const did = m.received ? effects(model, m) : [];
  if (did.length) parts.push(el('h4', {}, `What followed on server ${m.to}`), events(did, m.t1, go));
  return parts;
}

function badge(fate) {
  return fate === 'delivered' ? null : el('span', { class: 'badge bad' }, fate);
}

function happening(ev, tools) {
  const { model, go, at } = tools;
  const parts = [el('h3', {}, ev.outside ? 'The watcher' : ev.sid === null ? 'All servers' : `Server ${ev.sid}`, ` · ${title(ev.name)}`), el('p', {}, sentence(ev))];
  const rows = [['when', at(ev.t)]];
  if (ev.name === 'VoteChanged') rows.push(['why', causeWords(ev.raw.cause)]);
  const cause = causeOf(model, ev);
  if (cause) rows.push(['message', button(`the notification of server ${cause.from}${cause.sent ? `, sent ${at(cause.t0)}` : ''}`, () => go({ message: cause, event: cause.received }))]);
  if (ev.name === 'ElectionDecided') why(ev, rows, tools);
  if (ev.name === 'ElectionStarted') rows.push(['why', reasonWords(ev.raw.reason)]);
  parts.push(fields(rows), raw(ev));
  return parts;
}

// why answers why an election ended when it did.
function why(ev, rows, { model, go, at }) {
  rows.push(['why then', howWords(ev.raw.how)]);
  const end = ending(model, ev);
  if (!end) return;
  if (end.last) rows.push(['last vote', button(`${sentence(end.last)}, ${ev.t - end.last.t < 1 ? 'in the same step' : `${duration(ev.t - end.last.t)} before`}`, () => go({ message: end.last.message, event: end.last }))]);
  if (end.quorum) rows.push(['quorum', `${at(end.quorum.t)}: ${sentence(end.quorum)}`], ['then waited', end.waited < 1 ? 'not at all' : duration(end.waited)]);
  if (ev.raw.how === 'rest_unreachable') {
    for (const dial of end.unreachable) rows.push(['unreachable', `${at(dial.t)}: ${sentence(dial)}`]);
  }
}

function title(name) {
  return cut(name, 40).replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

function fields(rows) {
  return el('dl', {}, rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
}

function button(label, click) {
  return el('button', { type: 'button', class: 'link', click }, label);
}

function events(list, from, go) {
  return el('ol', { class: 'events' }, list.map((ev) => el('li', {}, el('span', { class: 'when' }, `+${duration(ev.t - from)}`), ' ',
    button(sentence(ev), () => go(ev.message ? { message: ev.message, event: ev } : { event: ev })))));
}

// raw shows all fields, as they were recorded.
function raw(ev) {
  return el('details', {}, el('summary', {}, 'all fields'), el('pre', {}, cut(JSON.stringify(ev.raw, null, 1), 4000)));
}
