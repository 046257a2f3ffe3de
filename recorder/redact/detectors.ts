/** The built-in detectors. Each finds its kind of data in time proportional to the text. */
import { isIPv6 } from 'node:net';

export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export type Detector = (text: string) => Iterable<Range>;

/** Matches of a pattern whose quantifiers are all bounded or unambiguous; `accept` checks what a pattern cannot. */
function* matches(text: string, pattern: RegExp, accept: (found: string) => boolean = () => true): Generator<Range> {
  for (const found of text.matchAll(pattern)) {
    if (accept(found[0])) yield { start: found.index, end: found.index + found[0].length };
  }
}

const isWord = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
/** Characters before the @. Non-ASCII letters belong to it only at its end; elsewhere they belong to the sentence. */
const isLocal = (code: number, wide: boolean): boolean =>
  isWord(code) || '.%+-'.includes(String.fromCharCode(code)) || (wide && code > 0x7f);
const localMax = 64;
const domainPattern = /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}[\p{L}\p{N}-]{0,61}[\p{L}\p{N}]/uy;

/** Searches from each @ outwards: most texts have none, and long runs of letters cost nothing. */
function* email(text: string): Generator<Range> {
  let from = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at;
    const allowsUnicode = text.charCodeAt(at - 1) > 0x7f;
    while (start > Math.max(from, at - localMax) && isLocal(text.charCodeAt(start - 1), allowsUnicode)) start -= 1;
    while (start < at && text[start] === '.') start += 1;
    domainPattern.lastIndex = at + 1;
    if (start === at || !domainPattern.test(text)) continue;
    yield { start, end: domainPattern.lastIndex };
    from = domainPattern.lastIndex;
  }
}

/** International with +, three groups in the American manner, or an area code with its 0; years, sizes and ids have none of these forms. */
const phonePattern =
  /(?<![\w+.-])(?:\+\d(?:[ ()./-]{0,2}\d){6,14}|(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4})(?!\w)/g;

const digitRuns = /(?<![\w.])\d+(?:[ -]\d+)*(?!\w)/g;
const cardDigitsMin = 13;
const cardDigitsMax = 19;

/** Whole groups of digits: a date or a check number may stand beside the card's. */
function* card(text: string): Generator<Range> {
  for (const run of text.matchAll(digitRuns)) {
    const groups = [...run[0].matchAll(/\d+/g)].map(({ index, 0: digits }) => ({
      start: run.index + index,
      end: run.index + index + digits.length,
    }));
    for (const [i, { start }] of groups.entries()) {
      for (let j = i, digits = 0; j < groups.length; j++) {
        const { start: from, end } = groups[j]!;
        digits += end - from;
        if (digits > cardDigitsMax) break;
        if (digits >= cardDigitsMin && isCard(text.slice(start, end))) yield { start, end };
      }
    }
  }
}
/** First digits and lengths of card networks: few long ids match one and pass the checksum, too. */
const issuers: readonly (readonly [prefix: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|65|64[4-9])/, [16, 19]],
  [/^(?:30[0-5]|3[689])/, [14, 16]],
  [/^35(?:2[89]|[3-8])/, [16, 19]],
  [/^62/, [16, 17, 18, 19]],
  [/^(?:50|5[6-9]|6[0-9])/, [13, 15, 16, 18, 19]],
];

/** Whether a text is a card number: an issuer's prefix and length, and a valid check digit. */
export function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  return issuers.some(([prefix, lengths]) => prefix.test(digits) && lengths.includes(digits.length)) && passesLuhn(digits);
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    sum += i % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit;
  }
  return sum % 10 === 0;
}

const ibanPattern = /(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}/gi;
/** Length of the whole number, by country. */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 ' +
    'GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 ' +
    'MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 ' +
    'TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map(entry => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** The next word may look like more of it, so the country decides where it ends. */
function* iban(text: string): Generator<Range> {
  for (const found of text.matchAll(ibanPattern)) {
    const length = ibanLengths[found[0].slice(0, 2).toUpperCase()];
    if (length === undefined) continue;
    let end = 0;
    for (let seen = 0; end < found[0].length && seen < length; end++) if (found[0][end] !== ' ') seen += 1;
    const written = found[0].slice(0, end).replaceAll(' ', '');
    if (written.length === length && hasValidIbanChecksum(written)) yield { start: found.index, end: found.index + end };
  }
}

function hasValidIbanChecksum(written: string): boolean {
  let rest = 0;
  for (const character of written.slice(4) + written.slice(0, 4)) rest = Number(`${rest}${Number.parseInt(character, 36)}`) % 97;
  return rest === 1;
}

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
/** Versions have three numbers; with a fifth it is no address. */
const ipv4Pattern = new RegExp(`(?<![\\w.])${octet}(?:\\.${octet}){3}(?![\\w]|\\.\\d)`, 'g');
const ipv6Pattern = /(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:(?:\.\d{1,3}){3})?(?![\w:])/g;

function* ip(text: string): Generator<Range> {
  if (text.includes('.')) yield* matches(text, ipv4Pattern);
  if (text.includes(':')) yield* matches(text, ipv6Pattern, found => /\d/.test(found) && isIPv6(found));
}

/** Prefixes of issuers, and the characters of a key behind them. */
const keyPattern = new RegExp(
  `(?<![A-Za-z0-9])(?:${[
    '(?:sk|pk|rk|hc|gsk|xai|r8|hf|npm|pypi|pplx|tvly|lsv2|nvapi|dop_v1|whsec)[-_][A-Za-z0-9_-]{16,}',
    'gh[opsur]_[A-Za-z0-9]{20,}',
    'github_pat_[A-Za-z0-9_]{20,}',
    'glpat-[A-Za-z0-9_-]{16,}',
    'xox[abeoprs]-[A-Za-z0-9-]{10,}',
    'AIza[A-Za-z0-9_-]{30,}',
    '(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}',
    'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,}',
    'ya29\\.[A-Za-z0-9_-]{20,}',
    // A token's head is short; a longer search for its dot would be slow for texts that repeat the beginning.
    'eyJ[A-Za-z0-9_-]{8,512}\\.[A-Za-z0-9_-]{8,}(?:\\.[A-Za-z0-9_-]*)?',
    '[Bb]earer [A-Za-z0-9._~+/-]{16,}={0,2}',
    '[Bb]asic (?=[A-Za-z+/]{0,64}[\\d=])[A-Za-z0-9+/]{16,}={0,2}',
  ].join('|')})`,
  'g',
);
const pemBegin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const pemEnd = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

function* secret(text: string): Generator<Range> {
  yield* matches(text, keyPattern);
  if (!text.includes('PRIVATE KEY')) return;
  let nextFrom = 0;
  for (const begin of text.matchAll(pemBegin)) {
    if (begin.index < nextFrom) continue;
    pemEnd.lastIndex = begin.index + begin[0].length;
    // A truncated key is a key, too.
    nextFrom = pemEnd.test(text) ? pemEnd.lastIndex : text.length;
    yield { start: begin.index, end: nextFrom };
  }
}

const hasDigit = /\d/;

/** The built-in detectors by name. Each gives the spans of its matches in a text. */
export const detectors = {
  email,
  phone: (text: string) => (hasDigit.test(text) ? matches(text, phonePattern) : []),
  card: (text: string) => (hasDigit.test(text) ? card(text) : []),
  iban,
  ip,
  secret,
} as const satisfies Readonly<Record<string, Detector>>;
