// Random streams: SeedSequence, SFC64 and the draws of NumPy's Generator, bit for bit.
// `generator(seed, ...names)` is the stream of that name in dropout_utils.seeding.
// A word of 64 bits is held as two of 32 (`hi`, `lo`): no BigInt, nothing to collect in a loop.

// The 32-bit words of a whole number, least significant first, as SeedSequence takes them.
function words(n) {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`a seed must be a whole number, at least 0; got ${n}`);
  return n < 2 ** 32 ? [n] : [n >>> 0, Math.floor(n / 2 ** 32)];
}

function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// M. E. O'Neill's seed_seq, as NumPy has it: `count` words of 32 bits from any number of them.
function seedSequence(entropy, count) {
  const pool = new Uint32Array(4);
  let c = 0x43b0d7e5;
  const hash = (value, multiplier) => {
    value ^= c;
    c = Math.imul(c, multiplier);
    value = Math.imul(value, c);
    return value ^ (value >>> 16);
  };
  const mix = (i, y) => {
    const z = Math.imul(pool[i], 0xca01f9dd) - Math.imul(hash(y, 0x931e8875), 0x4973f715);
    pool[i] = z ^ ((z | 0) >>> 16);
  };
  for (let i = 0; i < 4; i++) pool[i] = hash(entropy[i] ?? 0, 0x931e8875);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) mix(to, pool[from]);
  }
  for (let from = 4; from < entropy.length; from++) {
    for (let to = 0; to < 4; to++) mix(to, entropy[from]);
  }
  c = 0x8b51f9dd;
  return Uint32Array.from({ length: count }, (_, i) => hash(pool[i % 4], 0x58f38ded));
}

const LEVELS = 256;
const TAIL = 3.6541528853610088; // where the ziggurat's lowest step ends
let steps = null; // its 256 steps: [limit, width, height]

// G. Marsaglia and W. W. Tsang's ziggurat. NumPy stores the tables; here they are computed.
function ziggurat() {
  const area = 0.004928673233974655; // of each step
  const density = (x) => Math.exp(-0.5 * x * x);
  const limit = new Float64Array(LEVELS), width = new Float64Array(LEVELS), height = new Float64Array(LEVELS);
  let x = TAIL, above = TAIL;
  const base = area / density(x);
  limit[0] = (x / base) * 2 ** 52;
  width[0] = base / 2 ** 52;
  height[0] = 1;
  width[LEVELS - 1] = x / 2 ** 52;
  height[LEVELS - 1] = density(x);
  for (let i = LEVELS - 2; i > 0; i--) {
    x = Math.sqrt(-2 * Math.log(area / x + density(x)));
    limit[i + 1] = (x / above) * 2 ** 52;
    above = x;
    width[i] = x / 2 ** 52;
    height[i] = density(x);
  }
  return [limit, width, height];
}

// NumPy's Generator(SFC64(SeedSequence(entropy))).
export class Generator {
  constructor(entropy) {
    const s = seedSequence(entropy, 6);
    [this.al, this.ah, this.bl, this.bh, this.cl, this.ch] = Int32Array.from(s);
    this.dl = 1;
    this.dh = 0;
    this.hi = this.lo = 0; // the last word drawn
    this.spare = -1; // the half of a word that a 32-bit draw left over
    for (let i = 0; i < 12; i++) this.next();
  }

  // Draw 64 bits into `hi` and `lo`, as signed 32-bit integers.
  next() {
    let low = (this.al >>> 0) + (this.bl >>> 0) + (this.dl >>> 0);
    const lo = low | 0;
    const hi = (this.ah + this.bh + this.dh + Math.floor(low / 2 ** 32)) | 0;
    this.dl = (this.dl + 1) | 0;
    if (this.dl === 0) this.dh = (this.dh + 1) | 0;
    this.al = this.bl ^ ((this.bl >>> 11) | (this.bh << 21));
    this.ah = this.bh ^ (this.bh >>> 11);
    low = (this.cl >>> 0) + ((this.cl << 3) >>> 0);
    this.bl = low | 0;
    this.bh = (this.ch + ((this.ch << 3) | (this.cl >>> 29)) + (low >= 2 ** 32 ? 1 : 0)) | 0;
    const rl = (this.cl << 24) | (this.ch >>> 8), rh = (this.ch << 24) | (this.cl >>> 8);
    low = (rl >>> 0) + (lo >>> 0);
    this.cl = low | 0;
    this.ch = (rh + hi + (low >= 2 ** 32 ? 1 : 0)) | 0;
    this.hi = hi;
    this.lo = lo;
  }

  // Uniform in [0, 1): Generator.random().
  random() {
    this.next();
    return ((this.hi >>> 0) * 2 ** 21 + (this.lo >>> 11)) / 2 ** 53;
  }

  // Generator.standard_normal().
  normal() {
    const [limit, width, height] = (steps ??= ziggurat());
    for (;;) {
      this.next();
      const level = this.lo & 255;
      const sign = this.lo & 256 ? -1 : 1;
      const r = (this.lo >>> 9) + ((this.hi & 0x1fffffff) >>> 0) * 2 ** 23; // 52 bits
      const x = r * width[level];
      if (r < limit[level]) return sign * x;
      if (level === 0) {
        const side = (this.lo >>> 17) & 1 ? -1 : 1; // bit 8 of r
        for (;;) {
          const a = -Math.log1p(-this.random()) / TAIL, b = -Math.log1p(-this.random());
          if (b + b > a * a) return side * (TAIL + a);
        }
      }
      const y = (height[level - 1] - height[level]) * this.random() + height[level];
      if (y < Math.exp(-0.5 * x * x)) return sign * x;
    }
  }

  half() {
    if (this.spare >= 0) {
      const word = this.spare;
      this.spare = -1;
      return word;
    }
    this.next();
    this.spare = this.hi >>> 0;
    return this.lo >>> 0;
  }

  // A whole number in [0, limit] without bias, by rejection: as NumPy shuffles.
  interval(limit) {
    const mask = 2 ** (32 - Math.clz32(limit)) - 1;
    for (;;) {
      const value = (this.half() & mask) >>> 0;
      if (value <= limit) return value;
    }
  }

  // Shuffle `order` into Generator.permutation(order.length); it need not be sorted before.
  permutation(order) {
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.interval(i), kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }
}

// The random stream called `names` (strings and whole numbers) of a seed.
export function generator(seed, ...names) {
  const entropy = words(seed);
  for (const name of names) {
    if (typeof name === "string") entropy.push(1, crc32(name));
    else entropy.push(2, ...words(name));
  }
  return new Generator(entropy);
}
