// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the variables of the config.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConfigProblem, loadConfig, printProblems } from '../../gateway/config/index.ts';
import { joinWords } from '../../gateway/config/schema/fields.ts';
import { providers } from '../../gateway/providers/index.ts';
import { folder, load, problems } from './config-files.ts';

const shown = (found: readonly ConfigProblem[]): readonly string[] =>
  found.map(({ line, column, path, message }) => `${line}:${column} ${path}${path === '' ? '' : ': '}${message}`);
const messagesOf = (yaml: string, environment: Record<string, string> = {}): readonly string[] => shown(problems(yaml, environment));

const apis = joinWords(Object.keys(providers));
const sim = 'providers: { sim: { api: simulated } }\n';
const key = (n: number): string => `sha256:${String(n).repeat(64)}`;
const duration = 'expected a duration such as 60s, 400ms, 2m or 1h';
const hash = 'expected "sha256:" and 64 hex digits: the sha256 of the whole key, as `hindcast keys create` prints it';
const unusedAccept = 'accept has no effect on the last step; remove accept, or add a step';

/** The text of a file, and all its problems. */
const table: readonly (readonly [title: string, yaml: string, said: readonly string[]])[] = [
  // ---------- certificates
  [
    'a certificate that is monitored without audits, and a strict threshold that nothing calls for',
    `${sim}routes: { r: { steps: [{ target: sim/a, accept: { confidence: 0.5 } }, { target: sim/b }], certificate: { file: c.json, monitor: audit, strict: 0.9 } } }`,
    [
      '2:121 routes.r.certificate.monitor: there are no audits to monitor; add audit_probability: 0.03 to the route',
      '2:137 routes.r.certificate.strict: strict has no effect; write on_breach: strict, or remove it',
    ],
  ],
  [
    'words that a certificate does not know',
    `${sim}routes: { r: { steps: [{ target: sim/a, accept: { confidence: 0.5 } }, { target: sim/b }], certificate: { file: c.json, monitor: always, on_breach: stop } } }`,
    [
      '2:130 routes.r.certificate.monitor: expected audit; got "always"',
      '2:149 routes.r.certificate.on_breach: expected warn or strict; got "stop"',
    ],
  ],
  // ---------- the text
  [
    'a bracket that is not closed',
    'routes: [a',
    ['1:11 the indentation does not fit the lines around it, or a bracket is not closed; align it with its neighbours, in spaces'],
  ],
  ['a quote that is not closed', 'a: "x', ['1:6 a closing quote, a comma, a colon or a blank after a colon is missing here']],
  ['a tab', 'server:\n\tport: 1', ['2:1 tabs cannot indent YAML; use spaces']],
  ['two documents', 'server: {}\n---\nserver: {}', ['2:1 a second document begins here ("---"); one file holds one configuration']],
  ['a tag', 'server: !x {}', ['1:9 tags (!…) are not used here; remove it, and put a text that begins with "!" in quotes']],
  [
    'binary',
    'store: { path: !!binary aGk= }',
    ['1:16 tags (!…) are not used here; remove it, and put a text that begins with "!" in quotes'],
  ],
  ['a key that is a list', '? [a]\n: 1', ['1:3 a key must be a plain text; put it in quotes "…"']],
  ['a variable without quotes inside a map', 'server: { port: ${PORT} }', ['1:18 inside { } and [ ] a variable needs quotes: "${NAME}"']],
  ['a list at the top', '- 1', ['1:1 expected a map of settings such as "routes:", got a list']],
  ['a text at the top', 'hello', ['1:1 expected a map of settings such as "routes:", got text']],
  ['an alias of nothing', 'server: *x', ['1:9 server: there is no anchor before the alias "*x"']],
  ['an alias inside itself', 'routes: &r { a: *r }', ['1:17 routes.a: this alias is inside its own anchor']],
  // ---------- keys
  ['an unknown key', `${sim}server: { prot: 1 }`, ['2:11 server.prot: unknown key "prot"; did you mean "port"?']],
  ['swapped letters', `${sim}rotues: {}`, ['2:1 rotues: unknown key "rotues"; did you mean "routes"?']],
  ['a key like nothing', `${sim}state: { zzzzzz: 1 }`, ['2:10 state.zzzzzz: unknown key "zzzzzz"; known are url and when_down']],
  [
    'unknown keys at every depth',
    `providers: { sim: { api: simulated, keyz: x } }\nroutes:\n  r:\n    steps:\n      - target: sim/a\n        tiemout: 1s\n`,
    [
      '1:37 providers.sim.keyz: unknown key "keyz"; did you mean "key"?',
      '6:9 routes.r.steps[0].tiemout: unknown key "tiemout"; did you mean "timeout"?',
    ],
  ],
  [
    'a key that is there twice',
    `${sim}server: { port: 1, host: localhost, port: 2 }`,
    ['2:37 server.port: this key is here twice; remove one'],
  ],
  ['a section that is there twice', `${sim}server: {}\nserver: {}`, ['3:1 server: this key is here twice; remove one']],
  ['a prototype', `${sim}routes: { __proto__: sim/a }`, ['2:11 routes.__proto__: this name is not allowed; choose another']],
  ['a required key that is missing', 'providers:\n  x: { key: a }', [`2:3 providers.x.api: is missing; expected ${apis}`]],
  // ---------- kinds of values
  ['a text for a number', `${sim}server: { port: abc }`, ['2:17 server.port: expected a port from 0 to 65535; got "abc"']],
  ['a number out of range', `${sim}server: { port: 65536 }`, ['2:17 server.port: expected a port from 0 to 65535; got 65536']],
  ['half a port', `${sim}server: { port: 1.5 }`, ['2:17 server.port: expected a port from 0 to 65535; got 1.5']],
  ['no number', `${sim}server: { port: .nan }`, ['2:17 server.port: expected a port from 0 to 65535; got NaN']],
  ['nothing for a text', `${sim}server: { host: }`, ['2:17 server.host: expected a host name or address such as 127.0.0.1; got nothing']],
  ['a list for a map', `${sim}server: [1]`, ['2:9 server: expected a map such as { host: 127.0.0.1, port: 4000 }; got a list']],
  ['a text for a list', `${sim}keys: web`, ['2:7 keys: expected a list of keys; got "web"']],
  [
    'a text for true',
    'providers: { o: { api: openai, key: k, trace: yes } }',
    ['1:47 providers.o.trace: expected true or false; got "yes"'],
  ],
  [
    'an unknown word',
    `${sim}recorder: { durability: proces }`,
    ['2:25 recorder.durability: expected process, power or off; got "proces"; did you mean "process"?'],
  ],
  [
    'a size without its unit',
    `${sim}recorder: { spool_max: 1000000 }`,
    ['2:24 recorder.spool_max: expected a size such as 512MiB or 1GiB; got 1000000'],
  ],
  ['a size too small', `${sim}recorder: { spool_max: 1KiB }`, ['2:24 recorder.spool_max: expected a size from 1MiB to 16TiB; got "1KiB"']],
  [
    'no days',
    `${sim}recorder: { retention: { records: 0 } }`,
    ['2:35 recorder.retention.records: expected a number of days from 1 to 36500; got 0'],
  ],
  // ---------- listening
  [
    'an open gateway without keys',
    `${sim}server: { host: 0.0.0.0 }`,
    [
      '2:17 server.host: anyone who can reach this host could use your provider accounts: add a key (`hindcast keys create NAME`), or write host: 127.0.0.1',
    ],
  ],
  [
    'an open store without a password',
    `${sim}store: { host: "::" }`,
    ['2:16 store.host: anyone who can reach this host could read your records: add store.password, or write host: 127.0.0.1'],
  ],
  [
    'a store of another kind',
    `${sim}store: { url: "postgres://x" }`,
    ['2:15 store.url: expected embedded, or a URL such as http://clickhouse:8123; got text'],
  ],
  [
    'a store with its password in the URL',
    `${sim}store: { url: "http://u:p@x" }`,
    ['2:15 store.url: a URL must not contain a user or a password; use the separate keys'],
  ],
  // ---------- providers
  [
    'an unknown api',
    'providers: { o: { api: opnai, key: k } }',
    [`1:24 providers.o.api: expected ${apis}; got "opnai"; did you mean "openai"?`],
  ],
  [
    'a provider without its key',
    'providers:\n  a: { api: anthropic }',
    ['2:3 providers.a: its key is missing; add key: "${ANTHROPIC_API_KEY}"'],
  ],
  [
    'an empty key',
    'providers: { o: { api: openai, key: "" } }',
    ['1:37 providers.o.key: expected a key such as "${OPENAI_API_KEY}", not empty; got an empty text'],
  ],
  [
    'an empty key among others',
    'providers: { o: { api: openai, keys: [a, ""] } }',
    ['1:42 providers.o.keys[1]: expected a key such as "${OPENAI_API_KEY}", not empty; got an empty text'],
  ],
  [
    'no key at all',
    'providers: { o: { api: openai, keys: [] } }',
    ['1:38 providers.o.keys: expected at least one key; remove the list, or write "${NAME}"; got a list'],
  ],
  [
    'a key of two lines',
    'providers: { o: { api: openai, key: "a\\nb" } }',
    ['1:37 providers.o.key: a key has only visible ASCII characters, without blanks and line ends; was it copied completely?'],
  ],
  [
    'key and keys',
    'providers: { o: { api: openai, key: a, keys: [b] } }',
    ['1:40 providers.o.keys: either key or keys, not both: move the key into the list'],
  ],
  ['a key for nobody', 'providers: { s: { api: simulated, key: a } }', ['1:35 providers.s.key: api simulated takes no key; remove it']],
  [
    'an address for nobody',
    'providers: { s: { api: simulated, base_url: "http://x" } }',
    ['1:35 providers.s.base_url: api simulated sends no requests; remove base_url'],
  ],
  [
    'a private address',
    'providers: { o: { api: openai, base_url: "http://127.1/v1" } }',
    ['1:42 providers.o.base_url: a loopback or private address; add allow_private: true if that is intended'],
  ],
  [
    'cloud metadata',
    'providers: { o: { api: openai, base_url: "http://[::ffff:169.254.169.254]/v1" } }',
    ['1:42 providers.o.base_url: a loopback or private address; add allow_private: true if that is intended'],
  ],
  [
    'a URL of another kind',
    'providers: { o: { api: openai, base_url: "file:///etc/passwd" } }',
    ['1:42 providers.o.base_url: expected a URL such as https://host/v1; got text'],
  ],
  [
    'a URL with credentials',
    'providers: { o: { api: openai, base_url: "https://u:p@x/v1" } }',
    ['1:42 providers.o.base_url: a URL must not contain a user or a password; use the separate keys'],
  ],
  [
    'a URL with a query',
    'providers: { o: { api: openai, base_url: "https://x/v1?key=1" } }',
    ['1:42 providers.o.base_url: this URL must end with its path; remove the part after "?" or "#"'],
  ],
  [
    'a slash in a name',
    'providers: { a/b: { api: simulated } }',
    ['1:14 providers["a/b"]: the name of a provider is 1 to 100 visible ASCII characters without "/", "," and blanks; choose another'],
  ],
  // ---------- routes
  ['an unknown provider', `${sim}routes: { r: smi/small }`, ['2:14 routes.r: there is no provider "smi"; did you mean "sim"?']],
  [
    'unknown providers in every form',
    `${sim}routes:\n  a: [sim/x, foo/x]\n  b: { steps: [{ target: bar/x }] }`,
    [
      '3:14 routes.a[1]: there is no provider "foo"; known are sim',
      '4:26 routes.b.steps[0].target: there is no provider "bar"; known are sim',
    ],
  ],
  ['a target without a model', `${sim}routes: { r: sim/ }`, ['2:14 routes.r: expected provider/model, such as sim/gpt-5; got "sim/"']],
  [
    'a route in a route',
    `${sim}routes: { a: sim/x, b: [a] }`,
    ['2:25 routes.b[0]: expected provider/model, such as sim/gpt-5; got "a"; routes do not nest'],
  ],
  [
    'a comma list',
    `${sim}routes: { r: "sim/a,sim/b" }`,
    ['2:14 routes.r: a target contains no commas and no blanks; write several as a list: [a/x, b/y]'],
  ],
  [
    'a route of the wrong kind',
    `${sim}routes: { r: 5 }`,
    ['2:14 routes.r: expected a target such as openai/gpt-5, a list of targets in order of fallback or a map with steps; got 5'],
  ],
  ['an empty list', `${sim}routes: { r: [] }`, ['2:14 routes.r: expected at least one target; got a list']],
  [
    'a route without steps',
    `${sim}routes: { r: { deadline: 1s } }`,
    ['2:11 routes.r.steps: is missing; expected a list of steps such as { target: openai/gpt-5 }'],
  ],
  ['no step', `${sim}routes: { r: { steps: [] } }`, ['2:23 routes.r.steps: expected at least one step; got a list']],
  ['the name of a provider', `${sim}routes: { sim: sim/x }`, ['2:11 routes.sim: a route and a provider have the same name; rename one']],
  [
    'a blank in a name',
    `${sim}routes: { "a b": sim/x }`,
    ['2:11 routes["a b"]: the name of a route is 1 to 100 visible ASCII characters without "/", "," and blanks; choose another'],
  ],
  [
    'a control character in a name',
    `${sim}routes: { "a\\r": sim/x }`,
    ['2:11 routes["a\\r"]: the name of a route is 1 to 100 visible ASCII characters without "/", "," and blanks; choose another'],
  ],
  [
    'a duration without its unit',
    `${sim}routes: { r: { steps: [{ target: sim/x }], deadline: 60 } }`,
    [`2:54 routes.r.deadline: ${duration}; got 60; add the unit: 60s or 60ms`],
  ],
  [
    'a duration of another kind',
    `${sim}routes: { r: { steps: [{ target: sim/x, timeout: "1 hour" }] } }`,
    [`2:50 routes.r.steps[0].timeout: ${duration}; got "1 hour"`],
  ],
  [
    'a duration beyond a day',
    `${sim}routes: { r: { steps: [{ target: sim/x, timeout: 9d }] } }`,
    ['2:50 routes.r.steps[0].timeout: expected a duration from 1ms to 86400s; got "9d"'],
  ],
  [
    'an unknown quantile',
    `${sim}routes: { r: { steps: [{ target: sim/x, hedge_after: p96 }] } }`,
    [`2:54 routes.r.steps[0].hedge_after: ${duration}, or p50, p90, p95 or p99; got "p96"`],
  ],
  [
    'too many retries',
    `${sim}routes: { r: { steps: [{ target: sim/x }], retries: 11 } }`,
    ['2:53 routes.r.retries: expected a number from 0 to 10; got 11'],
  ],
  ['too many targets', `${sim}routes: { r: [${Array(21).fill('sim/x')}] }`, ['2:14 routes.r: expected at most 20 entries; got a list']],
  [
    'an unknown signal',
    `${sim}routes: { r: { steps: [{ target: sim/x, accept: { confidnce: 0.5 } }, { target: sim/y }] } }`,
    ['2:51 routes.r.steps[0].accept.confidnce: unknown key "confidnce"; did you mean "confidence"?'],
  ],
  [
    'a threshold beyond 1',
    `${sim}routes: { r: { steps: [{ target: sim/x, accept: { all: [{ margin: 74 }] } }, { target: sim/y }] } }`,
    ['2:67 routes.r.steps[0].accept.all[0].margin: expected a number from 0 to 1; got 74'],
  ],
  [
    'two signals at once',
    `${sim}routes: { r: { steps: [{ target: sim/x, accept: { margin: 1, confidence: 1 } }, { target: sim/y }] } }`,
    [
      '2:49 routes.r.steps[0].accept: write one signal with its minimum, such as { confidence: 0.74 }; join several with all: [...] or any: [...]',
    ],
  ],
  [
    'a threshold with nothing after it',
    `${sim}routes: { r: { steps: [{ target: sim/x, accept: { confidence: 0.5 } }] } }`,
    [`2:41 routes.r.steps[0].accept: ${unusedAccept}`],
  ],
  // ---------- tenants, keys, prices
  [
    'an unknown route of a tenant',
    `${sim}routes: { fast: sim/x }\ntenants: { a: { routes: [fst, fast] } }`,
    ['3:26 tenants.a.routes[0]: there is no route "fst"; did you mean "fast"?'],
  ],
  [
    'an unknown provider of a tenant',
    `${sim}tenants: { a: { routes: [foo/x] } }`,
    ['2:26 tenants.a.routes[0]: there is no provider "foo"; known are sim'],
  ],
  [
    'a wildcard',
    `${sim}tenants: { a: { routes: [sim/*] } }`,
    ['2:26 tenants.a.routes[0]: there are no wildcards; name each route and target'],
  ],
  [
    'an unknown tenant of a key',
    `${sim}tenants: { acme: {} }\nkeys: [{ name: a, hash: "${key(1)}", tenant: acmee }]`,
    ['3:108 keys[0].tenant: there is no tenant "acmee"; did you mean "acme"?'],
  ],
  ['a key for no hash', `${sim}keys: [{ name: a }]`, ['2:8 keys[0].hash: is missing; expected "sha256:" and 64 hex digits']],
  ['a hash of the wrong length', `${sim}keys: [{ name: a, hash: "sha256:12" }]`, [`2:25 keys[0].hash: ${hash}; got text`]],
  ['a hash without its kind', `${sim}keys: [{ name: a, hash: "${'a'.repeat(64)}" }]`, [`2:25 keys[0].hash: ${hash}; got text`]],
  [
    'two keys of one name',
    `${sim}keys:\n  - { name: a, hash: "${key(1)}" }\n  - { name: a, hash: "${key(2)}" }`,
    ['4:13 keys[1].name: keys[0] has the same name; rename one'],
  ],
  [
    'one key twice',
    `${sim}keys:\n  - { name: a, hash: "sha256:${'ab'.repeat(32)}" }\n  - { name: b, hash: "sha256:${'AB'.repeat(32)}" }`,
    ['4:22 keys[1].hash: keys[0] is the same key; remove one, or create another'],
  ],
  [
    'an unknown role',
    `${sim}keys: [{ name: a, hash: "${key(1)}", role: amdin }]`,
    ['2:106 keys[0].role: expected caller, viewer, analyst or admin; got "amdin"; did you mean "admin"?'],
  ],
  [
    'a price of nothing',
    `${sim}prices: { small: { input: 1, output: 1 } }`,
    ['2:11 prices.small: expected provider/model, such as sim/gpt-5; got "small"'],
  ],
  [
    'a price below nothing',
    `${sim}prices: { sim/x: { input: -1, output: 1 } }`,
    ['2:27 prices["sim/x"].input: expected USD per million tokens from 0 to 1000000; got -1'],
  ],
  // ---------- variables
  [
    'a variable that is not set',
    `${sim}store: { path: "a\${NOT_SET}" }`,
    ['2:16 store.path: environment variable NOT_SET is not set; set it, or write ${NOT_SET:-default}'],
  ],
  [
    'a variable of no name',
    `${sim}store: { path: "\${a b}" }`,
    ['2:16 store.path: "${a b}" is not a variable; write ${NAME}, ${NAME:-default} or ${file:/path}'],
  ],
  [
    'a variable that is not closed',
    `${sim}store: { path: "\${A" }`,
    ['2:16 store.path: "${" has no "}"; close it, or write "$${" for a literal "${"'],
  ],
  [
    'a secret file that is not there',
    `${sim}store: { path: "\${file:gone}" }`,
    ['2:16 store.path: "${file:gone}" cannot be expanded: there is no such file'],
  ],
  [
    'a secret file that never ends',
    `${sim}store: { path: "\${file:/dev/zero}" }`,
    ['2:16 store.path: "${file:/dev/zero}" cannot be expanded: it is not a regular file'],
  ],
];

describe('a broken config', () => {
  it.each(table)('with %s is reported with message and position', (_, yaml, expected) => {
    expect(messagesOf(yaml)).toEqual(expected);
  });

  it('is reported completely, in the order of the text', () => {
    const all = messagesOf(`server: { prot: 1, port: x }
providers:
  sim: { api: simulatd }
routes:
  r: nope/x
tenants: { t: { budget: {}, routes: [q] } }
`);
    expect(all.map(line => line.split(' ')[0])).toEqual(['1:11', '1:26', '3:15', '5:6', '6:17', '6:38']);
  });

  it('gets no message about a provider or key that exists but is broken', () => {
    expect(
      messagesOf('server: { host: 0.0.0.0 }\nproviders: { o: { api: openai, key: 5 } }\nroutes: { r: o/x }\nkeys: [{ name: a }]'),
    ).toEqual([
      '2:37 providers.o.key: expected a key such as "${OPENAI_API_KEY}", not empty; got a number',
      '4:8 keys[0].hash: is missing; expected "sha256:" and 64 hex digits',
    ]);
  });

  it('names a value from the environment only by its variable', () => {
    expect(
      messagesOf(`${sim}server: { port: "\${P}" }\nroutes: { r: "\${T}/x", q: "\${T}" }\nrecorder: { when_full: "\${T}" }`, {
        P: 'abc',
        T: 'smi',
      }),
    ).toEqual([
      '2:17 server.port: expected a port from 0 to 65535; got the value of "P"',
      '3:14 routes.r: there is no provider named by the value of "T"',
      '3:27 routes.q: expected provider/model, such as sim/gpt-5; got the value of "T"',
      '4:24 recorder.when_full: expected refuse or drop; got the value of "T"',
    ]);
  });
});

describe('redaction rules', () => {
  it.each([
    ['[email, card, { name: staff, pattern: "EMP-[0-9]{6}" }]', []],
    ['[mail]', ['2:22 recorder.redact[0]: expected email, phone, card, iban, ip or secret; got "mail"; did you mean "email"?']],
    [
      '[{ name: a, pattern: "(?=a)b" }]',
      ['2:42 recorder.redact[0].pattern: this is not a regular expression in RE2 syntax, which has no look-around and no back-references'],
    ],
    [
      '[{ name: a, pattern: "x*" }]',
      ['2:42 recorder.redact[0].pattern: this pattern matches an empty text, which is everywhere; make it match at least one character'],
    ],
    [
      '[{ name: email, pattern: x }]',
      ['2:30 recorder.redact[0].name: a built-in detector has this name; choose another name, or write only the name'],
    ],
    ['[{ name: a }]', ['2:22 recorder.redact[0].pattern: is missing; expected a regular expression']],
  ])('redact: %s', (value, problems) => {
    const yaml = `${sim}recorder: { redact: ${value} }`;
    if (problems.length === 0) expect(load(yaml).ok).toBe(true);
    else expect(messagesOf(yaml)).toEqual(problems);
  });
});

describe('a file that cannot be read', () => {
  const directory = (): string => folder({ 'big.yaml': '#'.repeat(16 * 1024 * 1024 + 1), 'sub/x.yaml': '' });
  it.each([
    ['gone.yaml', 'there is no such file; correct --config or HINDCAST_CONFIG, or the file'],
    ['sub', 'this is not a regular file; name the YAML file itself'],
    ['big.yaml', 'this is larger than 16777216 bytes; is it the right file?'],
  ])('%s is named', (file, message) => {
    const loaded = loadConfig({ file, directory: directory(), environment: {} });
    expect(loaded).toEqual({ ok: false, problems: [{ file, line: 0, column: 0, path: '', message }] });
  });

  it('is reported when it is not UTF-8', () => {
    const path = folder();
    writeFileSync(join(path, 'hindcast.yaml'), new Uint8Array([0x61, 0x3a, 0x20, 0xff]));
    const loaded = loadConfig({ directory: path, environment: {} });
    expect(!loaded.ok && loaded.problems[0]?.message).toContain('it is not UTF-8 text');
  });
});

describe('hostile text', () => {
  it('is read to a depth of 40 and no further', () => {
    expect(messagesOf(`routes: ${'['.repeat(45)}${']'.repeat(45)}`)).toEqual([
      `1:49 routes${'[0]'.repeat(40)}: this is nested more than 40 deep`,
    ]);
  });

  const billionLaughs = Array.from({ length: 12 }, (_, i) => `a${i}: &a${i} [${i === 0 ? '1' : Array(9).fill(`*a${i - 1}`)}]`).join('\n');
  it.each([
    ['a billion laughs', billionLaughs],
    ['a deep nest of lists', '['.repeat(100_000)],
    ['a deep nest of closed lists', `routes: ${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['a deep nest of maps', `routes: ${'{a: '.repeat(5_000)}1${'}'.repeat(5_000)}`],
    ['many keys', Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n')],
    [
      'many merges',
      `${Array.from({ length: 30 }, (_, i) => `m${i}: &m${i} { <<: [${i === 0 ? '{}' : `*m${i - 1}, *m${i - 1}`}] }`).join('\n')}`,
    ],
  ])('such as %s is refused soon and briefly', { timeout: 120_000 }, (_, yaml) => {
    // CPU time of this thread: other work on the machine does not count.
    const before = process.threadCpuUsage();
    const found = problems(yaml);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(1000);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(10_000);
  });
});

describe('printed problems', () => {
  it('begin with file:line:column, which terminals make clickable, and are counted', () => {
    const found = problems(`${sim}server: { prot: 1 }`);
    expect(printProblems(found)).toBe(
      'hindcast.yaml:2:11: server.prot: unknown key "prot"; did you mean "port"?\n1 problem in the configuration.',
    );
    expect(printProblems([{ file: 'x.yaml', line: 0, column: 0, path: '', message: 'm' }])).toBe(
      'x.yaml: m\n1 problem in the configuration.',
    );
  });
});
