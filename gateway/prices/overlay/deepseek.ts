/**
 * DeepSeek's prices by hour. Source: api-docs.deepseek.com/quick_start/pricing, November 2026, and its earlier versions: peak prices are twice those
 * of other hours, 9 to 12 and 14 to 18 in Beijing, since 2026-08-23 on working days only.
 */
import type { PriceEntries, PriceEntry, PriceHoursEntry } from '../../settings/settings.ts';
import { entryOf, type PlainRow } from './rows.ts';

const workingDays = ['mon', 'tue', 'wed', 'thu', 'fri'];
/** Public holidays of China that fall on working days. */
const holidays = ['2026-09-25', '2026-10-01..2026-10-07', '2027-01-01'];
const peak = [
  { from: '09:00', to: '12:00', tz: 'Asia/Shanghai', share: 2 },
  { from: '14:00', to: '18:00', tz: 'Asia/Shanghai', share: 2 },
];
const daily: readonly PriceHoursEntry[] = peak;
const onWorkingDays: readonly PriceHoursEntry[] = peak.map(span => ({ ...span, days: workingDays, except: holidays }));

/** Beijing's midnight of 17 August. */
const hoursBegin = '2026-08-16T16:00Z';
/** Beijing's midnight of 23 August. */
const weekendsBegin = '2026-08-22T16:00Z';
const flashBegins = '2026-09-10T04:00Z';

const flatUntilHours = (row: PlainRow): PriceEntry => ({ ...entryOf(row), until: hoursBegin });
const peakHours = (row: PlainRow): readonly PriceEntry[] => [
  { ...entryOf(row), from: hoursBegin, until: weekendsBegin, hours: daily },
  { ...entryOf(row), from: weekendsBegin, hours: onWorkingDays },
];
const flash: PriceEntry = { ...entryOf([0.15, 0.6, 0.003]), from: flashBegins, hours: onWorkingDays };
const flashBefore: PriceEntry = flatUntilHours([0.14, 0.28, 0.0028]);

export const deepseek: PriceEntries = {
  'deepseek/deepseek-flash': flash,
  'deepseek/deepseek-v4-flash*': [flashBefore, ...peakHours([0.22, 0.66, 0.007]), flash],
  'deepseek/deepseek-v4.1-flash*': flash,
  'deepseek/deepseek-v4-pro*': [flatUntilHours([0.435, 0.87, 0.003625]), ...peakHours([0.66, 1.98, 0.022])],
  // Names of deepseek-v4-flash from April 2026 on; the table has the prices of the models before it.
  'deepseek/deepseek-chat': [
    { ...entryOf([0.28, 0.42, 0.028]), from: '2025-09-29', until: '2026-04-24' },
    { ...flashBefore, from: '2026-04-24' },
    ...peakHours([0.22, 0.66, 0.007]),
    flash,
  ],
  'deepseek/deepseek-reasoner': [
    { ...entryOf([0.28, 0.42, 0.028]), from: '2025-09-29', until: '2026-04-24' },
    { ...flashBefore, from: '2026-04-24' },
    ...peakHours([0.22, 0.66, 0.007]),
    flash,
  ],
};
