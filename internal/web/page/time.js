// Times are microseconds (floats) since a base second of the model: exact to a nanosecond for weeks, which
// milliseconds since 1970 are not.

// parseTime reads RFC 3339 in UTC and gives whole seconds since 1970 and nanoseconds; null for what is none.
export function parseTime(text) {
  if (typeof text !== 'string' || text.length < 20 || text.length > 40) return null;
  const seconds = Date.parse(text.slice(0, 19) + 'Z') / 1000;
  if (!Number.isFinite(seconds)) return null;
  const fraction = /^\.(\d{1,9})/.exec(text.slice(19));
  return { seconds, ns: fraction ? Number(fraction[1].padEnd(9, '0')) : 0 };
}

// duration writes microseconds with three or four digits and the unit that fits.
export function duration(us) {
  if (!Number.isFinite(us)) return '–';
  const sign = us < 0 ? '−' : '';
  const a = Math.abs(us);
  if (a < 0.0005) return '0';
  if (a < 1) return `${sign}${Math.round(a * 1000)} ns`;
  if (a < 1e3) return `${sign}${digits(a)} µs`;
  if (a < 1e6) return `${sign}${digits(a / 1e3)} ms`;
  if (a < 120e6) return `${sign}${digits(a / 1e6)} s`;
  if (a < 7200e6) return `${sign}${Math.floor(a / 60e6)} min ${Math.round((a % 60e6) / 1e6)} s`;
  return `${sign}${(a / 3600e6).toFixed(1)} h`;
}

function digits(x) {
  if (x >= 100) return x.toFixed(0);
  if (x >= 10) return x.toFixed(1);
  return x.toFixed(2);
}

// clock writes the time of day in UTC. places is how many digits follow the second, 0 to 9.
export function clock(base, us, places) {
  const whole = Math.floor(us / 1e6);
  const date = new Date((base + whole) * 1000);
  if (Number.isNaN(date.getTime())) return '–';
  const text = date.toISOString().slice(11, 19);
  if (!places) return text;
  const fraction = Math.floor((us - whole * 1e6) * 1000).toString().padStart(9, '0');
  return `${text}.${fraction.slice(0, places)}`;
}

// tickStep is a step of 1, 2 or 5 times a power of ten microseconds, or of whole minutes and hours, that is at
// least least.
export function tickStep(least) {
  const longer = [60e6, 120e6, 300e6, 600e6, 1200e6, 3600e6, 7200e6, 21600e6, 86400e6];
  if (least > 30e6) return longer.find((s) => s >= least) ?? Math.ceil(least / 86400e6) * 86400e6;
  const power = 10 ** Math.floor(Math.log10(least));
  for (const m of [1, 2, 5, 10]) {
    if (m * power >= least * 0.999999) return m * power;
  }
  return 10 * power;
}
