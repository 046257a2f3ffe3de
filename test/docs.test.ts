/** Every command, flag and configuration that README and docs show exists and is accepted. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseGate } from '../eval/gate/file.ts';
import { problems } from './gateway/config-files.ts';

const root = resolve(import.meta.dirname, '..');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/*.md', { cwd: root })].toSorted();
const surface = readFileSync(join(root, 'test/surface/lists/commands.txt'), 'utf8').trim().split('\n');
/** By command, whether it takes arguments. */
const commands = new Map(surface.filter(entry => !entry.includes(' -')).map(entry => [entry.replace(/ [<[].*/, ''), / [<[]/.test(entry)]));
const subcommands = new Set([...commands.keys()].flatMap(command => command.split(' ').slice(2)));
const flagsOf = (command: string): readonly string[] =>
  surface
    .filter(entry => entry.startsWith(`${command} -`))
    .flatMap(entry => entry.slice(command.length + 1).match(/--?[a-zA-Z][a-zA-Z-]*/g) ?? []);
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Fenced blocks with their language and first line. */
const blocksOf = (page: string): readonly { readonly language: string; readonly body: string; readonly line: number }[] => {
  const text = textOf(page);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map(({ 1: language, 2: body, index }) => ({
    language: language!,
    body: body!,
    line: text.slice(0, index).split('\n').length + 1,
  }));
};

/** The command lines that a page shows, in shell blocks and in `code`. */
function commandLines(page: string): readonly string[] {
  const shell = blocksOf(page).filter(({ language }) => language === 'sh' || language === '');
  const lines = shell.flatMap(({ body }) => body.replaceAll(/\\\n\s*/g, '').split('\n'));
  const inline = [
    ...textOf(page)
      .replaceAll(/^```[\s\S]*?^```/gm, '')
      .matchAll(/`((?:npx )?hindcast [^`]*)`/g),
  ].map(([, code]) => code!);
  return [...lines, ...inline].flatMap(line =>
    [...line.matchAll(/(?:^|\s)(hindcast(?: [^|#;&]+)?)/g)].map(([, command]) => command!.trim()),
  );
}

/** What of a command line does not exist: its words up to the first that is no command, and its flags. */
function unknownIn(line: string): readonly string[] {
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  let command = words[0]!;
  for (const word of words.slice(1)) {
    if (!commands.has(`${command} ${word}`)) break;
    command = `${command} ${word}`;
  }
  const next = words[command.split(' ').length];
  const isUnknown = next !== undefined && /^[a-z]+$/.test(next) && !commands.get(command);
  const flags = words.filter(word => /^--?[a-z]/.test(word)).map(word => word.split('=')[0]!.replace(/[.,)]+$/, ''));
  const known = [...flagsOf(command), '--help', '--version'];
  return [...(isUnknown ? [`${command} ${next}`] : []), ...flags.filter(flag => !known.includes(flag)).map(flag => `${command} ${flag}`)];
}

const environment = Object.fromEntries(
  pages.flatMap(page => [...textOf(page).matchAll(/\$\{([A-Z_0-9]+)/g)].map(([, name]) => [name!, 'a-value-for-the-example'])),
);

describe.each(pages)('%s', page => {
  test('names only commands and flags that exist', () => {
    expect([...new Set(commandLines(page).flatMap(unknownIn))]).toEqual([]);
  });

  test('shows configurations that pass their check, and gates that can be read', () => {
    const wrong = blocksOf(page)
      .filter(({ language }) => language === 'yaml')
      .flatMap(({ body, line }) => {
        const value = parse(body) as Record<string, unknown> | null;
        if (value && 'gates' in value) {
          const gate = parseGate(body);
          return gate.ok ? [] : [`line ${line}: ${JSON.stringify(gate)}`];
        }
        return value && 'providers' in value
          ? problems(body, environment).map(({ message, path }) => `line ${line}: ${path}: ${message}`)
          : [];
      });
    expect(wrong).toEqual([]);
  });
});

test('sources, boards and deployments name only commands that exist', () => {
  const files = globSync(['{gateway,recorder,replay,eval,dashboards}/**/*.ts', '{dashboards,deploy}/**/*.{yml,yaml}'], { cwd: root });
  const wrong = files.flatMap(path => {
    const named = [...textOf(path).matchAll(/[`'"\s(](hindcast(?: [a-z][a-z-]*)+(?: --[a-z-]+)?)/g)].map(([, command]) => command!);
    const called = named.filter(command => commands.has(command.split(' ').slice(0, 2).join(' ')));
    // A subcommand without its group.
    const lost = named.filter(command => !called.includes(command) && subcommands.has(command.split(' ')[1]!));
    return [...called.flatMap(unknownIn), ...lost].map(command => `${path}: ${command}`);
  });
  expect(wrong).toEqual([]);
});

test('a command, a subcommand and a flag that do not exist are found', () => {
  expect(unknownIn('hindcast diff latest')).toEqual(['hindcast diff']);
  expect(unknownIn('hindcast replay again')).toEqual(['hindcast replay again']);
  expect(unknownIn('hindcast replay run --since 1h --agianst sim/small')).toEqual(['hindcast replay run --agianst']);
  expect(unknownIn('hindcast eval gate gate.yaml')).toEqual([]);
});

/** The anchors of a page's headings, as repositories and /docs make them. */
const anchorsOf = (page: string): readonly string[] =>
  [...textOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test.each([...pages, 'deploy/README.md', 'CHANGELOG.md'])('the links of %s lead to files and headings that exist', page => {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter(link => !/^[a-z]+:/.test(link));
  const broken = links.filter(link => {
    const [file, anchor] = link.split('#') as [string, string?];
    const target = file === '' ? page : join(dirname(page), file);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test('the page of errors names codes that the gateway returns, and no other', () => {
  const sources = globSync('gateway/**/*.ts', { cwd: root }).map(textOf).join('\n');
  const table = /\| code \| status[\s\S]*?\n\n/.exec(textOf('docs/troubleshooting.md'))![0];
  const codes = [...table.matchAll(/^\| ((?:`[a-z_]+`(?:, )?)+) \|/gm)].flatMap(([, cell]) =>
    cell!.split(', ').map(code => code.replaceAll('`', '')),
  );
  expect(codes.length).toBeGreaterThan(20);
  expect(codes.filter(code => !sources.includes(`'${code}'`))).toEqual([]);
});

/** Sentences of prose: no code blocks, tables, headings or pictures. */
const sentencesOf = (text: string): readonly string[] =>
  text
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .split(/\n\s*\n|\n(?=[-*|#]|\d+\. )/)
    .filter(paragraph => !/^\s*[|#]/.test(paragraph))
    .flatMap(paragraph => paragraph.replaceAll(/\s+/g, ' ').split(/(?<=[.!?:]\)?) (?=[A-Z`*[(])/));

test.each(['README.md', 'docs/quickstart.md', 'docs/concepts.md', 'docs/configuration.md', 'docs/routing.md', 'docs/replay.md'])(
  'no sentence of %s has more than 30 words',
  page => {
    expect(sentencesOf(textOf(page)).filter(sentence => sentence.split(' ').length > 30)).toEqual([]);
  },
);
