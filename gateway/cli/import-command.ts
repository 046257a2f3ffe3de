/** `hindcast config import`: converts another gateway's configuration, and lists every setting that it does not support. */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import type { ImportResult, SkippedSetting } from '../config/import/draft.ts';
import { importLitellm } from '../config/import/litellm.ts';
import { importPortkey } from '../config/import/portkey.ts';
import { schema } from '../config/schema/schema.ts';
import { isObject, type JsonObject } from '../core/chat/json.ts';
import { action, CommandError, exit, note, printResult } from './command.ts';

interface Options {
  readonly from?: string;
  readonly output?: string;
  readonly json?: boolean;
}

const bytesMax = 16 * 1024 * 1024;

/** Adds `hindcast config import`. */
export function registerImport(config: Command): void {
  config
    .command('import <file>')
    .description("convert another gateway's configuration, and list the settings that are not supported")
    .option('--from <gateway>', 'litellm or portkey (default: detected from the file)')
    .option('-o, --output <file>', 'the file to write (default: print the configuration)')
    .option('--json', 'print {config, left} as JSON')
    .addHelpText(
      'after',
      `
Examples:
  hindcast config import litellm-config.yaml -o hindcast.yaml
  hindcast config import portkey.json > hindcast.yaml
  hindcast config check --config hindcast.yaml

Settings that are not supported are listed on stderr, each with its path in the file and the reason.
Secrets are not copied: each becomes a reference to an environment variable.`,
    )
    .action(action(async (file: string, options: Options) => importFile(file, options)));
}

function importFile(file: string, options: Options): void {
  const value = valueIn(file);
  const { config, left } = importConfig(value, file, options.from);
  if (Object.keys(config.providers as JsonObject).length === 0)
    throw new CommandError(exit.usage, `${file} has no provider that import supports:\n${formatSkipped(left)}`);
  const yaml = stringify(config, { lineWidth: 0 });
  if (options.output === undefined) printResult(options, { config, left }, () => yaml.trimEnd());
  else {
    writeFileSync(options.output, yaml, { mode: 0o600 });
    note(`Written: ${options.output}`);
    if (options.json) printResult(options, { config, left }, () => '');
  }
  if (left.length > 0) note(`Not imported:\n${formatSkipped(left)}`);
}

const formatSkipped = (left: ImportResult['left']): string => left.map(({ path, why }) => `  ${path}: ${why}`).join('\n');

function valueIn(file: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(exit.usage, `${file} cannot be read: ${(error as Error).message}`);
  }
  if (text.length > bytesMax) throw new CommandError(exit.usage, `${file} is larger than 16 MiB.`);
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 1_000 });
  } catch (error) {
    throw new CommandError(exit.usage, `${file} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isObject(value)) throw new CommandError(exit.usage, `${file} is not a map of settings.`);
  return value as JsonObject;
}

/** The converted configuration. Throws when the format is unknown. Invalid values are left out and listed. */
export function importConfig(value: JsonObject, file: string, from?: string): ImportResult {
  return dropInvalid(importAs(value, file, from));
}

function dropInvalid({ config, left }: ImportResult): ImportResult {
  const valid = structuredClone(config) as Record<string, unknown>;
  const dropped: SkippedSetting[] = [];
  for (const { path, message } of schema.safeParse(config).error?.issues ?? []) {
    const [last, ...above] = path.toReversed();
    const parent = above.toReversed().reduce<unknown>((at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name], valid);
    const found = (parent as Record<PropertyKey, unknown> | undefined)?.[last!];
    // The value of a variable is unknown here.
    if (found === undefined || (typeof found === 'string' && found.includes('${'))) continue;
    delete (parent as Record<PropertyKey, unknown>)[last!];
    dropped.push({ path: path.map(String).join('.'), why: `invalid value ${JSON.stringify(found).slice(0, 100)}: ${message}` });
  }
  return { config: valid as JsonObject, left: [...left, ...dropped] };
}

function importAs(value: JsonObject, file: string, from: string | undefined): ImportResult {
  const kind =
    from ??
    (value.model_list === undefined ? ((value.targets ?? value.provider ?? value.strategy) === undefined ? '' : 'portkey') : 'litellm');
  if (kind === 'litellm') return importLitellm(value);
  if (kind === 'portkey') return importPortkey(value, basename(file).replace(/\.[^.]*$/, '') || 'imported');
  if (from !== undefined) throw new CommandError(exit.usage, `--from ${from}: write litellm or portkey.`);
  throw new CommandError(exit.usage, `${file} has neither model_list (LiteLLM) nor targets (Portkey); name its format with --from.`);
}
