/** The seed of the properties: one and the same with every push, so that a red run is the change's own doing; a new one with `npm run test:long`, which searches. */
import fc from 'fast-check';
import { isLong } from './runs.ts';

const asked = process.env.HINDCAST_SEED;
if (asked !== undefined && !/^-?\d+$/.test(asked)) throw new Error(`HINDCAST_SEED is "${asked}", but a seed is a whole number`);
if (asked !== undefined) fc.configureGlobal({ seed: Number(asked) });
else if (!isLong) fc.configureGlobal({ seed: 20_261_125 });
