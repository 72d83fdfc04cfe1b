// Names of the schema as people read them.

/** `viewSupportPlan` as `view support plan`. */
export function words(name: string): string {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replace(/[_.]+/g, ' ')
    .toLowerCase();
}

/** As `words`, with a capital. */
export function title(name: string): string {
  const said = words(name);
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** Without case and macrons, so that `ngata` finds Ngāta. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

const DAY = new Intl.DateTimeFormat('en-NZ', { dateStyle: 'medium', timeZone: 'Pacific/Auckland' });
const TIME = new Intl.DateTimeFormat('en-NZ', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'Pacific/Auckland' });

/** A day in New Zealand. */
export function day(at: Date): string {
  return DAY.format(at);
}

/** An instant in New Zealand. */
export function time(at: Date): string {
  return TIME.format(at);
}

/** Some of them, and how many more there are. */
export function some(all: readonly string[], most = 4): string {
  const shown = all.slice(0, most).join(', ');
  return all.length > most ? `${shown} and ${all.length - most} more` : shown;
}

/** `1 person`, `2 people`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-NZ')} ${number === 1 ? one : many}`;
}
