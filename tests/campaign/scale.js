// How much of the whole campaign is run: 1 is all of it (`make campaign`); a twentieth is part of `make test`.
const scale = Number(process.env.COOPERAGE_CAMPAIGN_SCALE ?? 0.05);

/** Whether this is the whole campaign. */
export const isWhole = scale >= 1;

/** The share of a whole count, at least one. */
export const share = (whole) => Math.max(1, Math.round(whole * scale));

/** Most builds are as light as a build can be; every tenth is a real one. `n` counts them from 1. */
export const isReal = (n) => n % 10 === 5;
