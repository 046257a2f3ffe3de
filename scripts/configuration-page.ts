/**
 * Fills the tables of docs/configuration.md from the schema of the configuration: one key a row. The text between the tables is
 * written by hand. `node scripts/configuration-page.ts` writes the page, `--check` exits with 1 when it is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema } from '../gateway/config/index.ts';

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | false;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
  readonly $defs?: Readonly<Record<string, Node>>;
}

/** One key of the file, with its path as the page writes it: `keys[].hash`. */
interface Row {
  readonly path: string;
  readonly node: Node;
  readonly required: boolean;
}

/** Every key below a node, in the order of the schema. */
function rowsOf(node: Node, path: string): readonly Row[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, inner]): readonly Row[] => {
    const here = `${path}.${name}`;
    const below = rowsOf(inner, here);
    const row = { path: here, node: inner, required: node.required?.includes(name) ?? false };
    // A section has no value of its own: its keys say everything.
    return below.length > 0 && isSection(inner) ? below : [row, ...below];
  });
  const entries = node.additionalProperties ? rowsOf(node.additionalProperties, `${path}.*`) : [];
  const items = node.items ? rowsOf(node.items, `${path}[]`) : [];
  return [...own, ...entries, ...items, ...(node.anyOf ?? []).flatMap(branch => rowsOf(branch, path))];
}

const isSection = ({ properties, additionalProperties, items, anyOf }: Node): boolean =>
  anyOf === undefined && Boolean(properties || additionalProperties || items?.properties);

/** The words a key takes, as far as they are listed. */
const wordsOf = ({ enum: words, const: word, anyOf }: Node): readonly string[] => [
  ...(words ?? []).map(String),
  ...(word === undefined ? [] : [String(word)]),
  ...(anyOf ?? []).flatMap(wordsOf),
];

const code = (text: string): string => `\`${text}\``;

function cells({ path, node, required }: Row): string {
  const words = wordsOf(node);
  const described = words.every(word => node.description?.includes(code(word)));
  const values = described ? '' : ` One of ${words.map(code).join(', ')}.`;
  const fallback = typeof node.default === 'string' ? node.default : JSON.stringify(node.default);
  const shown = fallback === undefined || fallback === '' ? '' : code(fallback);
  return `| ${code(path)} | ${`${node.description ?? ''}${values}`.replaceAll('|', '\\|')} | ${required ? 'required' : shown} |`;
}

const table = (rows: readonly Row[]): string => ['| key | meaning | default |', '|---|---|---|', ...rows.map(cells)].join('\n');

/** The page with each table between `<!-- keys NAME -->` and `<!-- /keys -->` written anew. Throws for a section without a place. */
export function fillPage(page: string): string {
  const schema = configSchema() as Node;
  const sections: Record<string, Node> = { ...schema.properties, accept: schema.$defs!.accept! };
  const missing = Object.keys(sections).filter(name => !page.includes(`<!-- keys ${name} -->`) && rowsOf(sections[name]!, name).length > 0);
  if (missing.length > 0)
    throw new Error(`docs/configuration.md has no place for ${missing.join(', ')}: add <!-- keys NAME --> and <!-- /keys -->`);
  return page.replaceAll(/<!-- keys (\w+) -->[\s\S]*?<!-- \/keys -->/g, (_, name: string) => {
    const rows = rowsOf(sections[name]!, name).map(row => ({ ...row, path: writtenAs(row.path) }));
    const unique = rows.filter(({ path }, index) => rows.findIndex(row => row.path === path) === index);
    return `<!-- keys ${name} -->\n${table(unique)}\n<!-- /keys -->`;
  });
}

/** A list of prices has the keys of one, and so has every price within a price: the page has each of them once. */
export const writtenAs = (path: string): string =>
  path.replace(/^prices\.\*(?:\[\])?(?:\.(?:tiers\[\]|batch|hours\[\]\.price)(?=\.(?!above)))?/, 'prices.*');

if (import.meta.main) {
  const file = join(import.meta.dirname, '../docs/configuration.md');
  const page = readFileSync(file, 'utf8');
  const filled = fillPage(page);
  if (process.argv.includes('--check')) process.exitCode = filled === page ? 0 : 1;
  else writeFileSync(file, filled);
}
