// Logs of numbered lines: what they must hold can be told line for line.

/** Shell words that print `WORD 1` to `WORD LINES`. */
export const counting = (word, lines) => `i=1; while [ $i -le ${lines} ]; do echo "${word} $i"; i=$((i+1)); done`;

/** The numbers of such lines in a log, in its order. */
export const counted = (log, word) => [...log.matchAll(new RegExp(`^.*\\b${word} (\\d+)$`, 'gm'))].map((match) => Number(match[1]));

/** What they are where none is missing and none is there twice. */
export const upTo = (lines) => Array.from({ length: lines }, (_, index) => index + 1);
