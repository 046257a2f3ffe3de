/** `npm run conformance`: the table of all recorded rows by provider, the exceptions with their reasons, and the errors. */
import { recordingsRoot } from '../recordings.ts';
import { formatScores } from './print.ts';
import { files, scoreOf } from './score.ts';

const scores = files.map(scoreOf).filter(({ rows }) => rows > 0);
if (scores.length === 0) {
  console.log(`no recordings in ${recordingsRoot}; HINDCAST_RECORDINGS says where they are`);
} else {
  console.log(formatScores(scores));
  process.exitCode = scores.some(({ wrong }) => wrong.length > 0) ? 1 : 0;
}
