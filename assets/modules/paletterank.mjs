// How well what stands in the palette fits what somebody typed. Pure, and the same each time: whole
// names before beginnings, beginnings before what stands within, letters of several words last.

const EXACT = 100;
const PREFIX = 90;
const WORD = 80;
const WITHIN = 60;
const HUMPS = 40;
// More letters than that nobody types to shorten a name.
const LONGEST_HUMPS = 12;
// What is no name (a tag, a group, a kind, a target) counts less than any name that holds the word.
const OTHER = { exact: 50, word: 36, within: 24 };
const LETTER = /[\p{L}\p{N}]/u;

// Lower case without accents, one character for each of the text, so that places stay the same.
export function fold(text) {
  // Plain ASCII is the usual case, and quick.
  if (!/[^ -~]/.test(text)) return text.toLowerCase();
  return [...text].map((letter) => letter.normalize("NFD")[0].toLowerCase()[0] ?? letter).join("");
}

export function wordsOf(query) {
  return fold(query).split(/\s+/).filter(Boolean);
}

// Whether a letter or digit stands there. By its code where that is plain ASCII: this is asked often.
function isLetter(text, at) {
  const code = text.charCodeAt(at);
  if (code > 127) return LETTER.test(text[at]);
  return (code > 96 && code < 123) || (code > 47 && code < 58);
}

function beginsWord(text, at) {
  return at === 0 || !isLetter(text, at - 1);
}

// Where `word` stands in `text`, at the beginning of a word if it does so anywhere; -1 if nowhere.
function placeOf(text, word) {
  let at = text.indexOf(word);
  const first = at;
  while (at > 0 && !beginsWord(text, at)) at = text.indexOf(word, at + 1);
  return at < 0 ? first : at;
}

// The places of letters that begin words, or follow one that did: "pyapi" in "payments-yard-api".
// `failed` holds what led nowhere: without it a name of many equal letters would take for ever.
function humps(text, word, from = 0, done = 0, failed = new Set()) {
  if (done === word.length) return [];
  const state = from * word.length + done;
  if (failed.has(state)) return null;
  for (let at = text.indexOf(word[done], from); at >= 0; at = text.indexOf(word[done], at + 1)) {
    const runs = done > 0 && at === from;
    if (!runs && !beginsWord(text, at)) continue;
    const rest = humps(text, word, at + 1, done + 1, failed);
    if (rest) return [at, ...rest];
  }
  failed.add(state);
  return null;
}

function humpsIn(text, word) {
  return word.length > 1 && word.length <= LONGEST_HUMPS ? humps(text, word) : null;
}

// How well one word fits a name; 0 when it does not.
function inName(text, word) {
  const at = placeOf(text, word);
  if (at === 0) return text.length === word.length ? EXACT : PREFIX;
  if (at > 0) return beginsWord(text, at) ? WORD : WITHIN;
  return humpsIn(text, word) ? HUMPS : 0;
}

// The places of the letters of a name that fit.
function placesIn(text, word) {
  const at = placeOf(text, word);
  if (at >= 0) return Array.from({ length: word.length }, (_, index) => at + index);
  return humpsIn(text, word) ?? [];
}

function inOthers(others, word) {
  let best = 0;
  for (const text of others) {
    const at = placeOf(text, word);
    if (at < 0) continue;
    const score = text.length === word.length ? OTHER.exact : beginsWord(text, at) ? OTHER.word : OTHER.within;
    if (score > best) best = score;
  }
  return best;
}

// An entry made ready to be looked through: `name` and `others` are folded once.
export function indexed(entry) {
  return { ...entry, name: fold(entry.title), others: (entry.fields ?? []).filter(Boolean).map(fold) };
}

// How well an entry fits all words, from 0 (not at all) to 100; every word must stand somewhere.
export function scoreOf(entry, words) {
  const whole = words.length > 1 ? inName(entry.name, words.join(" ")) : 0;
  if (whole > HUMPS) return whole;
  let sum = 0;
  for (const word of words) {
    const score = Math.max(inName(entry.name, word), inOthers(entry.others, word));
    if (score === 0) return 0;
    sum += score;
  }
  return sum / words.length;
}

function before(a, b) {
  if (a.score !== b.score) return b.score - a.score;
  const weight = (b.entry.weight ?? 0) - (a.entry.weight ?? 0);
  if (weight !== 0) return weight;
  const longer = a.entry.name.length - b.entry.name.length;
  if (longer !== 0) return longer;
  return a.entry.name < b.entry.name ? -1 : a.entry.name > b.entry.name ? 1 : 0;
}

// Keeps the best of what is added, in order: thousands are looked through, few are shown.
class Best {
  constructor(title, most) {
    Object.assign(this, { title, most, total: 0, hits: [] });
  }

  add(hit, isRanked) {
    const { hits, most } = this;
    this.total += 1;
    if (hits.length === most && (!isRanked || before(hits[most - 1], hit) <= 0)) return;
    let place = hits.length;
    while (isRanked && place > 0 && before(hits[place - 1], hit) > 0) place -= 1;
    hits.splice(place, 0, hit);
    hits.length = Math.min(hits.length, most);
  }
}

// Sections in the order of their best entries, with so many rows in each and in all. Without words
// all entries, as they stand.
export function sectionsOf(entries, words, { each = 10, all = 30 } = {}) {
  const isRanked = words.length > 0;
  const groups = new Map();
  for (const entry of entries) {
    const score = isRanked ? scoreOf(entry, words) : 0;
    if (isRanked && score === 0) continue;
    if (!groups.has(entry.section)) groups.set(entry.section, new Best(entry.section, all));
    groups.get(entry.section).add({ entry, score }, isRanked);
  }
  const ordered = [...groups.values()];
  if (isRanked) ordered.sort((a, b) => before(a.hits[0], b.hits[0]));
  let room = all;
  return ordered.flatMap(({ title, hits, total }) => {
    const shown = hits.slice(0, Math.min(groups.size === 1 ? all : each, room)).map(({ entry }) => entry);
    room -= shown.length;
    return shown.length > 0 ? [{ title, entries: shown, total }] : [];
  });
}

// A name in pieces, `[text, fits]`, so that what was typed can be marked in it.
export function pieces(title, words) {
  const name = fold(title);
  if (name.length !== title.length) return [[title, false]];
  const marked = new Set(words.flatMap((word) => placesIn(name, word)));
  const found = [];
  for (let at = 0; at < title.length; at += 1) {
    const fits = marked.has(at);
    if (found.at(-1)?.[1] === fits) found.at(-1)[0] += title[at];
    else found.push([title[at], fits]);
  }
  return found;
}
