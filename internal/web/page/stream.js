// The connection with the server: its stream of events, and its status now and then. EventSource comes again by
// itself; this says plainly when it is away.

const ASK_EVERY = 1000;
const AWAY_AFTER = 3500; // without any answer

export class Live {
  // on is {events(list), action(raw), gap(missed, reason), glance(answer), state(state)}; state is connecting, live or
  // lost.
  constructor(on) {
    this.on = on;
    this.state = 'connecting';
    this.waiting = [];
    this.last = ''; // id of the last event
    this.answered = performance.now();
    this.stream();
    this.ask();
  }

  stream() {
    const source = new EventSource(`api/v1/ensemble/events?from=kept${this.last && `&last_event_id=${encodeURIComponent(this.last)}`}`);
    this.source = source;
    source.onopen = () => this.sign(true);
    source.onmessage = (e) => {
      this.last = e.lastEventId;
      this.take(e.data, false);
    };
    source.addEventListener('action', (e) => this.take(e.data, true));
    source.addEventListener('gap', (e) => {
      this.flush();
      const gap = parse(e.data) ?? {};
      this.on.gap(gap.missed, gap.reason);
    });
    source.onerror = () => {
      this.sign(false);
      if (source.readyState !== EventSource.CLOSED) return;
      // The server refused: too many listen, or it is something else now. A new source knows no last event.
      this.again = setTimeout(() => this.stream(), 3000);
    };
  }

  // take gathers what comes at once, for one drawing.
  take(data, isAction) {
    const raw = parse(data);
    if (!raw) return;
    if (isAction) this.on.action(raw);
    else this.waiting.push(raw);
    if (this.waiting.length === 1) setTimeout(() => this.flush(), 30);
    if (this.waiting.length >= 4000) this.flush();
  }

  flush() {
    const list = this.waiting;
    this.waiting = [];
    if (list.length) this.on.events(list);
  }

  async ask() {
    try {
      const response = await fetch('api/v1/ensemble', { signal: AbortSignal.timeout(3000), cache: 'no-store' });
      if (!response.ok) throw new Error(response.statusText);
      const answer = await response.json();
      this.answered = performance.now();
      this.on.glance(answer);
      if (this.source.readyState === EventSource.OPEN) this.sign(true);
    } catch {
      if (performance.now() - this.answered > AWAY_AFTER) this.sign(false);
    }
    setTimeout(() => this.ask(), ASK_EVERY);
  }

  sign(good) {
    const state = good ? 'live' : 'lost';
    if (good && this.source.readyState !== EventSource.OPEN) return;
    if (state === this.state) return;
    this.state = state;
    this.on.state(state);
  }
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

// ask gets JSON; the error carries what the server said.
export async function ask(path, options = {}) {
  const response = await fetch(path, { signal: AbortSignal.timeout(15000), ...options });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error ?? response.statusText);
  return body;
}

// lines gets JSON lines.
export async function lines(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(15000) });
  if (!response.ok) throw new Error(response.statusText);
  return parseLines(await response.text());
}

// parseLines reads JSON lines; what is none is null, and the model counts it.
export function parseLines(text) {
  return text.split('\n').filter((l) => l.trim() !== '').map(parse);
}
