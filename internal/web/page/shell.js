// What surrounds the views: tabs on a narrow screen, light and dark, keys.

import { byId } from './dom.js';

// tabs shows one view at a time where the screen has no room for all.
export function tabs(shown) {
  const buttons = [...document.querySelectorAll('nav [data-tab]')];
  for (const b of buttons) {
    b.addEventListener('click', () => {
      document.body.dataset.tab = b.dataset.tab;
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === b));
      shown(b.dataset.tab);
    });
  }
}

// themes follows the system until somebody switches, and remembers that where the browser lets it.
export function themes(changed) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const remembered = storage((s) => s.getItem('electnode-theme'));
  if (remembered === 'light' || remembered === 'dark') root.dataset.theme = remembered;
  dark.addEventListener('change', changed);
  byId('theme').addEventListener('click', () => {
    const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches;
    root.dataset.theme = isDark ? 'light' : 'dark';
    storage((s) => s.setItem('electnode-theme', root.dataset.theme));
    changed();
  });
}

function storage(use) {
  try {
    return use(localStorage);
  } catch {
    return null; // switched off
  }
}

// keys hands on what is pressed outside of fields and of the space-time view, which has keys of its own.
export function keys(press) {
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
    if (e.target.closest?.('input, textarea, select, dialog, canvas')) return;
    if (press(e.key)) e.preventDefault();
  });
}
