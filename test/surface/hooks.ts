/**
 * Loaded before the program (`node --import`): writes down what it declares to commander, hapi and prom-client, a line of JSON each, into the
 * file that HINDCAST_SURFACE names. It knows the packages and none of our files, which may move.
 */
import { appendFileSync } from 'node:fs';
import { server } from '@hapi/hapi';
import { Command, type Option } from 'commander';
import { Registry } from 'prom-client';

const file = process.env.HINDCAST_SURFACE;
// Processes that the program starts are not meant.
delete process.env.HINDCAST_SURFACE;

const write = (kind: string, line: string): void => appendFileSync(file!, `${JSON.stringify({ kind, line })}\n`);

function walk(command: Command, before: readonly string[]): void {
  const path = [...before, command.name()];
  const name = path.join(' ');
  write('commands', [name, ...command.registeredArguments.map(argument => describeArgument(argument))].join(' '));
  for (const alias of command.aliases()) write('commands', `${name} = ${alias}`);
  for (const option of command.options) write('commands', `${name} ${describeOption(option)}`);
  for (const child of command.commands) walk(child, path);
}

const describeArgument = (argument: { name(): string; required: boolean; variadic: boolean }): string => {
  const inner = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${inner}>` : `[${inner}]`;
};

/** Defaults that are no constants of ours, such as the name of the user, are left out. */
function describeOption({ flags, mandatory, defaultValue, argChoices }: Option): string {
  const isConstant = defaultValue !== undefined && defaultValue !== process.env.USER && flags !== '--by <name>';
  return [
    flags,
    ...(mandatory ? ['(required)'] : []),
    ...(argChoices ? [`(one of ${argChoices.join(', ')})`] : []),
    ...(isConstant ? [`(default ${JSON.stringify(defaultValue)})`] : []),
  ].join(' ');
}

if (file !== undefined) {
  const parse = Command.prototype.parseAsync;
  Command.prototype.parseAsync = async function (...args) {
    // Asked for nothing but its commands, it runs none.
    if (!process.argv.includes('--surface')) return parse.apply(this, args);
    walk(this, []);
    return this;
  };

  const hapi = Object.getPrototypeOf(server()) as { route(routes: object): unknown };
  const route = hapi.route;
  hapi.route = function (routes) {
    for (const { method, path } of [routes].flat() as { method: string; path: string }[]) write('routes', `${path} ${method}`);
    return route.call(this, routes);
  };

  const register = Registry.prototype.registerMetric;
  Registry.prototype.registerMetric = function (metric) {
    const { name, labelNames, type } = metric as unknown as { name: string; labelNames?: readonly string[]; type?: string };
    write('metrics', `${name} ${type ?? metric.constructor.name.toLowerCase()} {${[...(labelNames ?? [])].sort().join(', ')}}`);
    return register.call(this, metric);
  };
}
