/** `hindcast init`: asks three questions and writes hindcast.yaml. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { action, CommandError, exit, note } from '../command.ts';
import { type InitAnswers, initialConfig, initialProviders, missingVariables } from './initial-config.ts';

interface InitOptions {
  readonly provider?: readonly string[];
  readonly store?: string;
  readonly shared?: boolean;
  readonly output: string;
  readonly force?: boolean;
}

const names = initialProviders.map(({ name }) => name);

/** Adds `hindcast init`. */
export function registerInit(program: Command): void {
  program
    .command('init')
    .description('write a first configuration; asks on a terminal, and takes the options elsewhere')
    .option('--provider <name>', `a provider (repeatable): ${names.join(', ')}`, (name: string, all: string[] = []) => [...all, name])
    .option('--store <url>', 'the URL of a ClickHouse server (default: the embedded engine)')
    .option('--shared', 'other machines may call: listen on all addresses, and create a key')
    .option('-o, --output <file>', 'the file to write', 'hindcast.yaml')
    .option('--force', 'replace the file')
    .addHelpText(
      'after',
      `
Examples:
  hindcast init
  hindcast init --provider openai --provider anthropic
  hindcast init --provider openai --shared -o team.yaml`,
    )
    .action(action(init));
}

async function init(options: InitOptions): Promise<void> {
  if (existsSync(options.output) && !options.force) {
    throw new CommandError(exit.usage, `${options.output} exists; pass --force to replace it, or -o FILE for another one.`);
  }
  const unknown = options.provider?.find(name => !names.includes(name));
  if (unknown !== undefined) throw new CommandError(exit.usage, `Unknown provider ${JSON.stringify(unknown)}; one of ${names.join(', ')}.`);
  const isAsking = process.stdin.isTTY && options.provider === undefined;
  const { providers, store, isShared } = isAsking ? await ask(options) : answersOf(options);
  const key = `hc_${randomBytes(32).toString('base64url')}`;
  const answers: InitAnswers = {
    providers,
    store,
    keyHash: isShared ? `sha256:${createHash('sha256').update(key).digest('hex')}` : undefined,
  };
  writeFileSync(options.output, initialConfig(answers), { mode: 0o600 });
  note(`Wrote ${options.output}.`);
  if (isShared) {
    process.stdout.write(`${key}\n`);
    note('This is the key for callers. It is printed only once.');
  }
  const missing = missingVariables(answers, process.env);
  if (missing.length > 0) note(`Set ${missing.join(', ')} before you start.`);
  note(`Next: hindcast serve${options.output === 'hindcast.yaml' ? '' : ` --config ${options.output}`}`);
}

interface Answers {
  readonly providers: readonly string[];
  readonly store: string;
  readonly isShared: boolean;
}

/** Providers whose key is in the environment. */
const detected = (): readonly string[] => initialProviders.filter(({ variable }) => process.env[variable]).map(({ name }) => name);

const answersOf = ({ provider, store = 'embedded', shared = false }: InitOptions): Answers => ({
  providers: provider ?? detected(),
  store,
  isShared: shared,
});

async function ask(options: InitOptions): Promise<Answers> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const found = detected();
    const typed = await terminal.question(
      `Providers, separated by commas (${names.join(', ')}; none: a simulated one) [${found.join(', ') || 'none'}]: `,
    );
    const providers = typed.trim() === '' ? found : typed.split(',').map(name => name.trim().toLowerCase());
    const wrong = providers.find(name => name !== 'none' && !names.includes(name));
    if (wrong !== undefined) throw new CommandError(exit.usage, `Unknown provider ${JSON.stringify(wrong)}; one of ${names.join(', ')}.`);
    const url = options.store ?? (await terminal.question('ClickHouse server, as http://host:8123 [embedded engine]: ')).trim();
    const shared = options.shared ?? /^y/i.test(await terminal.question('May other machines call it? A key is created then. [y/N]: '));
    return { providers: providers.filter(name => name !== 'none'), store: url || 'embedded', isShared: shared };
  } finally {
    terminal.close();
  }
}
