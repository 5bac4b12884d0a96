// The uniform numbers of a guess, equal to those of gram/solve/noise.py: Philox4x64 keyed by the seed and the puzzle.

const WORD = (1n << 64n) - 1n;

/** Whether n is prime. */
const prime = (n) => Array.from({ length: Math.floor(Math.sqrt(n)) - 1 }, (_, i) => i + 2).every((d) => n % d);
const PRIMES = Array.from({ length: 311 }, (_, n) => n + 2).filter(prime).slice(0, 64);
const fraction = (x) => ((x % 1) * 2 ** 32) | 0;
const K = PRIMES.map((p) => fraction(Math.cbrt(p))), START = PRIMES.slice(0, 8).map((p) => fraction(Math.sqrt(p)));

/** SHA-256 of bytes. The browser's own exists only where the page comes by https or from this machine. */
export function sha256(bytes) {
  const blocks = Math.ceil((bytes.length + 9) / 64), padded = new Uint8Array(64 * blocks), view = new DataView(padded.buffer);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  view.setBigUint64(padded.length - 8, 8n * BigInt(bytes.length));
  const turn = (x, n) => (x >>> n) | (x << (32 - n)), hash = [...START], w = new Int32Array(64);
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = view.getInt32(64 * block + 4 * i);
      else {
        const p = w[i - 15], q = w[i - 2];
        w[i] = w[i - 16] + (turn(p, 7) ^ turn(p, 18) ^ (p >>> 3)) + w[i - 7] + (turn(q, 17) ^ turn(q, 19) ^ (q >>> 10));
      }
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, i) => { hash[i] = (hash[i] + x) | 0; });
  }
  const out = new DataView(new ArrayBuffer(32));
  hash.forEach((x, i) => out.setInt32(4 * i, x));
  return new Uint8Array(out.buffer);
}

/** The four words of Philox4x64 with ten rounds (Salmon, Moraes, Dror, Shaw 2011). */
export function philox([k0, k1], [c0, c1, c2, c3]) {
  for (let round = 0; round < 10; round++) {
    const p = 0xd2e7470ee14c6c93n * c0, q = 0xca5a826395121157n * c2;
    [c0, c1, c2, c3] = [(q >> 64n) ^ c1 ^ k0, q & WORD, (p >> 64n) ^ c3 ^ k1, p & WORD];
    [k0, k1] = [(k0 + 0x9e3779b97f4a7c15n) & WORD, (k1 + 0xbb67ae8584caa73bn) & WORD];
  }
  return [c0, c1, c2, c3];
}

/** Two uniform numbers in [0, 1) for the guess of a trajectory after supervision step `step` (from 1). */
export function chances(seed, puzzle, trajectory, step) {
  const digest = new DataView(sha256(Uint8Array.from(puzzle)).buffer).getBigUint64(0, true);
  const words = philox([BigInt(seed), digest], [1n, 2n, BigInt(trajectory), BigInt(step)]);
  return words.slice(0, 2).map((word) => Number(word >> 11n) / 2 ** 53);
}
