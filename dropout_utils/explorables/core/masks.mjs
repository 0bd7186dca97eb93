// Keep-masks: the bits of dropout_utils.masks, for any rate. How they come about is told there:
// a byte of eight keep-bits from sixteen random bits and a table; who falls beyond the table draws again.

const BLOCK = 16384; // bytes of mask that share one draw; part of the format
const laws = new Map();

// The distribution of a byte of eight keep-bits at rate p, in whole numbers on the fraction that p is.
function law(p) {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`p must be a drop probability in [0, 1]; got ${p}`);
  if (!laws.has(p)) laws.set(p, p === 0 || p === 1 ? null : p === 0.5 ? { limit: 65536 } : table(p));
  return laws.get(p);
}

function table(p) {
  let unit = 1n;
  for (; !Number.isInteger(p); unit *= 2n) p *= 2;
  const drop = BigInt(p), keep = unit - drop, whole = unit ** 8n;
  const patterns = [], thresholds = [], bytes = new Uint8Array(65536);
  const dropped = (byte) => {
    let d = 8;
    for (; byte; byte &= byte - 1) d--;
    return d;
  };
  const places = Array.from({ length: 9 }, (_, d) => 65536n * drop ** BigInt(d) * keep ** BigInt(8 - d));
  let limit = 0;
  for (let byte = 0; byte < 256; byte++) {
    const count = Number(places[dropped(byte)] / whole);
    bytes.fill(byte, limit, limit + count);
    limit += count;
  }
  const total = BigInt(65536 - limit) * whole;
  let sum = 0n;
  for (let byte = 0; total && byte < 256; byte++) {
    const left = places[dropped(byte)] % whole;
    if (!left) continue;
    patterns.push(byte);
    sum += left;
    const edge = (2n ** 65n * sum + total) / (2n * total);
    thresholds.push(edge < 2n ** 64n ? edge : 2n ** 64n - 1n);
  }
  thresholds.pop(); // the last sum is 1
  return { limit, bytes, patterns, high: thresholds.map((t) => Number(t >> 32n)), low: thresholds.map((t) => Number(t & 0xffffffffn)) };
}

function drawAgain(law, high, low) {
  let i = 0;
  while (i < law.high.length && (law.high[i] < high || (law.high[i] === high && law.low[i] <= low))) i++;
  return law.patterns[i];
}

let words32 = new Uint32Array(256); // scratch, grows as needed

// Fill `out`, a Uint8Array of n units, with 1 (kept) and 0 (dropped): keep_mask(n, p, rng).
export function keepMask(p, rng, out) {
  const rule = law(p), n = out.length;
  if (!rule) return out.fill(p === 0 ? 1 : 0);
  const bytes = Math.ceil(n / 8);
  for (let start = 0; start < bytes; start += BLOCK) {
    const count = Math.min(BLOCK, bytes - start);
    const escapes = 65536 - rule.limit, half = !rule.bytes;
    const mean = (count * escapes) / 65536;
    const main = Math.ceil(count / (half ? 8 : 4)), reserve = escapes ? Math.floor(mean + 6 * Math.sqrt(mean)) + 1 : 0;
    if (words32.length < 2 * (main + reserve)) words32 = new Uint32Array(2 * (main + reserve));
    for (let i = 0; i < main + reserve; i++) {
      rng.next();
      words32[2 * i] = rng.lo;
      words32[2 * i + 1] = rng.hi;
    }
    let escaped = 0;
    for (let i = 0; i < count; i++) {
      let byte;
      if (half) {
        byte = words32[i >> 2] >>> (8 * (i & 3));
      } else {
        const place = (words32[i >> 1] >>> (16 * (i & 1))) & 65535;
        if (place < rule.limit) {
          byte = rule.bytes[place];
        } else {
          const at = 2 * (main + escaped);
          if (escaped++ < reserve) byte = drawAgain(rule, words32[at + 1], words32[at]);
          else rng.next(), (byte = drawAgain(rule, rng.hi >>> 0, rng.lo >>> 0));
        }
      }
      for (let unit = 8 * (start + i), bit = 0; bit < 8 && unit < n; bit++, unit++) out[unit] = (byte >>> bit) & 1;
    }
  }
  return out;
}
