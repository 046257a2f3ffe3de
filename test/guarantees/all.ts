/** Every promise, in the order of the table. */
import { cascadeGuarantees } from './cascades.ts';
import { conversationGuarantees, otherCertificates, weightGuarantees } from './certificates.ts';
import type { Guarantee } from './guarantee.ts';
import { intervalGuarantees } from './intervals.ts';
import { lookGuarantees } from './looks.ts';

export const guarantees: readonly Guarantee[] = [
  ...cascadeGuarantees(),
  ...conversationGuarantees(),
  ...weightGuarantees(),
  ...otherCertificates(),
  ...lookGuarantees(),
  ...intervalGuarantees(),
];
