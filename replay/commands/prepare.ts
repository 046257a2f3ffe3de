/** What plan and run begin with: the selected requests, and the arms that shall answer them. */
import { CommandError, exit, settingsOf } from '../../gateway/cli.ts';
import { wallClock } from '../../gateway/clock.ts';
import type { Sink } from '../../gateway/core/exchange.ts';
import type { Settings } from '../../gateway/settings.ts';
import { httpUpstream, type Upstream } from '../../gateway/upstream.ts';
import type { Store } from '../../recorder/store.ts';
import { type Arm, armOf } from '../arm.ts';
import { type SelectionOptions, selectionOf } from '../selection.ts';
import { type RecordedRequest, select } from '../source.ts';

export interface ReplayOptions extends SelectionOptions {
  readonly against: readonly string[];
  readonly config?: string;
  readonly json?: boolean;
}

export async function selected(store: Store, options: ReplayOptions): Promise<readonly RecordedRequest[]> {
  const requests: RecordedRequest[] = [];
  for await (const request of select(store, selectionOf(options, wallClock.now()))) requests.push(request);
  if (requests.length === 0) {
    throw new CommandError(exit.nothing, 'No recorded request matches. Widen --since, drop a filter, or ask the gateway something first.');
  }
  return requests;
}

export function armsOf(options: ReplayOptions, settings: Settings, sink: Sink, upstream: Upstream = httpUpstream()): readonly Arm[] {
  return [...new Set(options.against)].map(against => armOf(against, settings, { clock: wallClock, upstream, sink }, process.env));
}

export const settingsFor = (options: ReplayOptions): Settings => settingsOf(options);
