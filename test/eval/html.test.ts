/** Pages and charts: text that cannot break out, axes with round numbers, nothing drawn outside. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chartSvg, ticksOf } from '../../eval/report/shared/chart.ts';
import { escapeHtml, htmlPage, htmlTable } from '../../eval/report/shared/html.ts';

const hostile = `</title><script>alert("1")</script>' onload='x`;

test('names from outside stay text, wherever they stand', () => {
  const axis = { name: hostile, format: () => hostile };
  const page = htmlPage({
    ...{ title: hostile, sentence: hostile, about: hostile, notes: [hostile] },
    parts: [
      htmlTable([hostile], [{ cells: [hostile], mark: hostile }]),
      chartSvg({
        title: hostile,
        x: axis,
        y: axis,
        series: [{ name: hostile, style: 'chain', points: [{ x: 0, y: 0, title: hostile, label: hostile }] }],
      }),
    ],
  });
  expect(page).not.toContain('<script');
  expect(page).not.toContain(`' onload`);
  expect(escapeHtml(`<&>"'`)).toBe('&lt;&amp;&gt;&quot;&#39;');
});

describe('a chart', () => {
  const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true });

  test('draws every point inside its frame, whatever it is of', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ x: numbers, y: numbers }), { minLength: 1, maxLength: 20 }), points => {
        const axis = { name: 'n', format: String };
        const svg = chartSvg({ title: 't', x: axis, y: axis, series: [{ name: 's', style: 'chain', points, line: true }] });
        expect(svg).not.toMatch(/NaN|Infinity/);
        for (const [, cx, cy] of svg.matchAll(/<circle cx="(.+?)" cy="(.+?)"/g)) {
          expect(Number(cx)).toBeGreaterThanOrEqual(74);
          expect(Number(cx)).toBeLessThanOrEqual(640);
          expect(Number(cy)).toBeGreaterThanOrEqual(0);
          expect(Number(cy)).toBeLessThanOrEqual(332);
        }
      }),
      { numRuns: process.env.HINDCAST_LONG ? 2000 : 100 },
    );
  });

  test('has a few round ticks within its axis', () => {
    expect(ticksOf(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksOf(0.737, 0.912)).toEqual([0.75, 0.8, 0.85, 0.9]);
    expect(ticksOf(-3, 31)).toEqual([0, 10, 20, 30]);
  });
});
