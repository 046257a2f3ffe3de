/** Text of any code units, lone surrogates and control characters among them; unlike fast-check's own `binary` unit it needs no table made first. */
import fc from 'fast-check';

const unit = (max: number): fc.Arbitrary<string> => fc.nat({ max }).map(code => String.fromCharCode(code));

/** A unit for `fc.string`: plain letters often, anything at all sometimes, and now and then a whole character outside of the first plane. */
export const anyUnit: fc.Arbitrary<string> = fc.oneof(
  unit(0x7f),
  unit(0xffff),
  fc.integer({ min: 0x1_0000, max: 0x10_ffff }).map(code => String.fromCodePoint(code)),
);

export const anyText = (lengthMax = 20): fc.Arbitrary<string> => fc.string({ unit: anyUnit, maxLength: lengthMax });
