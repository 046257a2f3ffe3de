/** A threshold put into a config: nothing else of the file changes. */
import { describe, expect, test } from 'vitest';
import { writeThreshold } from '../../gateway/config/edit/threshold.ts';

const config = `# ours
routes:
  smart: # cheap first
    steps:
      - { target: sim/small, accept: { confidence: 0.74 } } # how sure
      - sim/large
  block:
    steps:
      # the small one
      - target: sim/small # cheap
        timeout: 20s
      - target: sim/large
  flow: { steps: [{target: sim/small}, {target: sim/large}] }
  list: [sim/small, sim/large] # fallback
  rule:
    steps:
      - { target: sim/small, accept: { all: [{ margin: 0.4 }, { judge: 1 }] } }
      - { target: sim/large }
keys: ["\u0024{KEY:-x}"]
`;
const edit = (route: string, more: object = {}) =>
  writeThreshold(config, { route, target: 'sim/small', signal: 'confidence', threshold: 0.81, ...more });
/** The lines that are new. */
const changed = (route: string, more: object = {}): readonly string[] => {
  const edited = edit(route, more);
  if (!edited.ok) return [edited.problem];
  const before = config.split('\n');
  const after = edited.text.split('\n');
  expect(before.filter(line => !after.includes(line)).length).toBeLessThanOrEqual(1);
  return after.filter(line => !before.includes(line));
};

describe('a threshold', () => {
  test.each([
    ['smart', {}, '      - { target: sim/small, accept: { confidence: 0.81 } } # how sure'],
    ['smart', { signal: 'margin' }, '      - { target: sim/small, accept: { margin: 0.81 } } # how sure'],
    ['flow', {}, '  flow: { steps: [{accept: { confidence: 0.81 }, target: sim/small}, {target: sim/large}] }'],
    ['list', {}, '  list: { steps: [{ target: "sim/small", accept: { confidence: 0.81 } }, { target: "sim/large" }] } # fallback'],
  ])('in route %s with %j changes one line', (route, more, line) => expect(changed(route, more)).toEqual([line]));

  test('in a block goes beside the target, whose comment stays', () => {
    expect(changed('block')).toEqual(['      - accept: { confidence: 0.81 }', '        target: sim/small # cheap']);
  });

  test.each([
    ['rule', {}, 'routes.rule is written in a way that is left to you; give its first step accept: { confidence: 0.81 }'],
    ['smart', { target: 'sim/large' }, 'routes.smart does not begin with sim/large in this file'],
    ['none', {}, 'routes.none does not begin with sim/small in this file'],
  ])('is not put into route %s with %j, and it is said why', (route, more, problem) => expect(changed(route, more)).toEqual([problem]));

  test('is not put into what is no YAML', () => {
    expect(writeThreshold('routes: [', { route: 'a', target: 'b', signal: 'confidence', threshold: 1 })).toMatchObject({ ok: false });
  });
});
