/** A simulation knows its error: the deployed configuration comes out as recorded, smaller differences are not ranked, unseen targets are not guessed. */
import { expect, test } from 'vitest';
import { wallClock } from '../../gateway/settings/clock.ts';
import { armOf, deployedArm } from '../../replay/arms/arm.ts';
import { requestFromRow } from '../../replay/recorded/log-formats.ts';
import type { RecordedRequest } from '../../replay/recorded/requests.ts';
import { backtest, difference, errorOf, simulatedFigures } from '../../replay/simulation/backtest.ts';
import { BehaviourPool } from '../../replay/simulation/behaviour.ts';
import { recordedAfterDecline, simulateArm } from '../../replay/simulation/simulate-arm.ts';
import { simulatePolicy } from '../../replay/simulation/simulate-policy.ts';
import { MemorySink, settingsOf } from '../gateway/harness.ts';
import { recording, unlessRecorded } from '../recordings.ts';
import { azureTrace, latencyTrace, trafficConfig, trafficLines } from './traffic.ts';

const upstream = {
  send: () => {
    throw new Error('called');
  },
  close: async () => {},
};
const shared = { clock: wallClock, upstream, sink: new MemorySink() };
const missing = [azureTrace, latencyTrace].find(file => !recording(file));

test.skipIf(missing)(
  `simulates what is deployed as it was recorded, and other thresholds within its error${unlessRecorded(missing ?? azureTrace)}`,
  () => {
    const requests = [...trafficLines(1_500)].map(line => requestFromRow(JSON.parse(line)) as RecordedRequest);
    const pool = new BehaviourPool(requests);
    const pass = (threshold: number, own = true) =>
      simulateArm(requests, deployedArm(settingsOf(trafficConfig(threshold)), shared), { pool, seed: '0', own, simulate: simulatePolicy });
    const own = pass(0.67);
    const tested = backtest(own, pass(0.67, false));
    for (const { low, high } of Object.values(tested.own.error)) expect(Math.max(-low, high)).toBeLessThan(0.001);
    expect(tested.own.unsupported).toBe(0);
    const { value, low, high } = tested.drawn.error.costPer1k;
    expect(Math.max(-low, high)).toBeLessThan(0.2);
    expect([low < value, value < high]).toEqual([true, true]);
    expect(errorOf(tested, 1).costPer1k, 'the far end counts').toBe(Math.max(-low, high));
    expect(errorOf(tested, 0).costPer1k).toBeLessThan(0.001);
    expect(own.some(({ outcome, drawn }) => outcome !== 'ok' || drawn)).toBe(false);

    // A threshold that escalates many more requests costs more than the error; one near the deployed is within it.
    const higher = pass(0.9);
    const share = higher.filter(({ drawn }) => drawn).length / higher.length;
    expect(share).toBeGreaterThan(0.3);
    expect(difference(simulatedFigures(own), simulatedFigures(higher)).costPer1k).toBeGreaterThan(errorOf(tested, share).costPer1k);
    const beside = difference(simulatedFigures(own), simulatedFigures(pass(0.6701))).costPer1k;
    expect(Math.abs(beside)).toBeLessThan(errorOf(tested, 0.01).costPer1k);

    // The same seed draws the same records.
    expect(simulatedFigures(pass(0.9))).toEqual(simulatedFigures(higher));
  },
);

test.skipIf(missing)(`says what was never recorded, and guesses nothing of it${unlessRecorded(missing ?? azureTrace)}`, () => {
  const requests = [...trafficLines(50)].map(line => requestFromRow(JSON.parse(line)) as RecordedRequest);
  const arm = armOf('good/never-seen', settingsOf(trafficConfig(0.67)), shared, {});
  const all = simulateArm(requests, arm, { pool: new BehaviourPool(requests), seed: '0', own: true, simulate: simulatePolicy });
  for (const one of all)
    expect(one).toMatchObject({ outcome: 'unsupported', reason: 'nothing is recorded of good/never-seen', costNanoUsd: 0 });
});

test.skipIf(missing)(
  `an answer that is recorded only where another was declined is no answer to what was taken${unlessRecorded(missing ?? azureTrace)}`,
  () => {
    const all = [...trafficLines(1_500)].map(line => requestFromRow(JSON.parse(line)) as RecordedRequest);
    // Without failures nothing but a declined answer leads to the second step.
    const requests = all.filter(({ attempts }) => attempts!.every(({ outcome }) => outcome === 'ok'));
    const pool = new BehaviourPool(requests);
    const pass = (threshold: number) =>
      simulateArm(requests, deployedArm(settingsOf(trafficConfig(threshold)), shared), {
        pool,
        seed: '0',
        own: true,
        simulate: simulatePolicy,
      });
    expect(pass(0.67).filter(({ outcome }) => outcome === 'unsupported')).toEqual([]);
    const stricter = pass(0.9);
    const unknown = stricter.filter(({ outcome }) => outcome === 'unsupported');
    expect(unknown.length).toBeGreaterThan(requests.length / 5);
    expect(new Set(unknown.map(({ reason }) => reason.slice(reason.indexOf(' ') + 1)))).toEqual(new Set([recordedAfterDecline]));
    expect(stricter.filter(({ drawn }) => drawn)).toEqual([]);
  },
);
