// Recordings: opened, dropped onto the page, and saved from it.

import { Model } from './model.js';
import { byId } from './dom.js';
import { parseLines } from './stream.js';

const MOST_BYTES = 256 << 20;

export class Files {
  // shown is called with a model and the names of its files; say tells what went wrong; current is the model to save.
  constructor(shown, say, current) {
    this.shown = shown;
    this.say = say;
    byId('open').addEventListener('click', () => byId('file').click());
    byId('file').addEventListener('change', (e) => this.read([...e.target.files]));
    byId('save').addEventListener('click', () => save(current()));
    const drop = byId('drop');
    addEventListener('dragover', (e) => {
      if (![...(e.dataTransfer?.types ?? [])].includes('Files')) return;
      e.preventDefault();
      drop.hidden = false;
    });
    addEventListener('dragleave', (e) => { if (!e.relatedTarget) drop.hidden = true; });
    addEventListener('drop', (e) => {
      drop.hidden = true;
      if (!e.dataTransfer?.files.length) return;
      e.preventDefault();
      this.read([...e.dataTransfer.files]);
    });
  }

  async read(files) {
    const model = new Model();
    try {
      for (const file of files) {
        if (file.size > MOST_BYTES) throw new Error(`${file.name} has more than ${MOST_BYTES >> 20} MiB`);
        for (const raw of events(await file.text())) model.add(raw);
      }
      if (model.events.length === 0) throw new Error('no events in it: JSON lines are wanted, as of electnode elections ID --json');
      this.shown(model, files.map((f) => f.name).join(', '));
    } catch (err) {
      this.say(`Not opened: ${err.message}`);
    }
  }
}

// events reads JSON lines, or one election as /api/v1/elections/{id} gives it.
function events(text) {
  if (/^\s*\{"election":/.test(text)) {
    const whole = JSON.parse(text);
    if (Array.isArray(whole.events)) return whole.events;
  }
  return parseLines(text);
}

function save(model) {
  const url = URL.createObjectURL(new Blob([model.lines()], { type: 'application/x-ndjson' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `electnode-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
