/* The thin parts of a layer, heads and sums over the minibatch, in the order in which the library adds them up. */

#include "product.h"

#if defined(__x86_64__)
#define ROUNDED(vector) __asm__("" : "+v"(vector))
#elif defined(__aarch64__)
#define ROUNDED(vector) __asm__("" : "+w"(vector))
#else
#define ROUNDED(vector) __asm__("" : "+m"(vector))
#endif

/* The library sums results of so few columns without fused steps, and in one block. */
#define FEW 3
#define MOST 8

/* sums[m] + a_m · v for `count` numbers a. */
static inline __attribute__((always_inline)) void add_products(
    Vector *sums, const float *a, Vector v, long count, int fused) {
    for (long m = 0; m < count; m++) {
        Vector product = a[m] * v;
        if (!fused) ROUNDED(product);
        sums[m] = product + sums[m];
    }
}

/* A square of vectors, rows for columns: at every stage, blocks of `half` change places with those across. */
#define LOW(j, half) (j) & (half) ? LANES + (j) - (half) : (j)
#define HIGH(j, half) (j) & (half) ? LANES + (j) : (j) + (half)
#define EIGHT(of, j, half) \
    of(j, half), of(j + 1, half), of(j + 2, half), of(j + 3, half), of(j + 4, half), of(j + 5, half), of(j + 6, half), \
        of(j + 7, half)
#if LANES == 16
#define EACH(of, half) EIGHT(of, 0, half), EIGHT(of, 8, half)
#else
#define EACH(of, half) EIGHT(of, 0, half)
#endif
#define STAGE(half)                                                                   \
    _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) if (!(i & (half))) {     \
        const Vector above = rows[i], below = rows[i + (half)];                       \
        rows[i] = __builtin_shuffle(above, below, (Bits){EACH(LOW, half)});           \
        rows[i + (half)] = __builtin_shuffle(above, below, (Bits){EACH(HIGH, half)}); \
    }

static inline __attribute__((always_inline)) void turn(Vector *rows) {
#if LANES == 16
    STAGE(8)
#endif
    STAGE(4)
    STAGE(2)
    STAGE(1)
}

/* `count` columns of the head for as many `rows` as a vector holds; laid out as apply_head has it. */
static inline __attribute__((always_inline)) void head_columns(
    const float *units, const float *weights, const float *biases, float *outputs, long rows, long n, long m, long far,
    long depth, long count, int fused) {
    Vector sums[MOST] = {0}, totals[MOST] = {0};
    long end = depth;
    for (long k = 0; k < n; k += LANES) {
        const long wide = n - k < LANES ? n - k : LANES;
        Vector square[LANES] = {0};
        for (long r = 0; r < rows; r++) square[r] = load(units + r * n + k, wide);
        turn(square);
        for (long d = 0; d < wide; d++) {
            add_products(sums, weights + (k + d) * m, square[d], count, fused);
            if (k + d + 1 < end && k + d + 1 < n) continue;
            for (long c = 0; c < count; c++) totals[c] = end == depth ? sums[c] : totals[c] + sums[c];
            memset(sums, 0, sizeof sums);
            end += depth;
        }
    }
    for (long c = 0; c < count; c++) store(outputs + c * far, totals[c] + biases[c], rows);
}

/* units (batch, n) @ weights (n, m) + biases (m), turned, into outputs, whose rows are `far` apart. */
static void apply_head(
    const float *units, const float *weights, const float *biases, float *outputs, long batch, long n, long m, long far) {
    for (long i = 0; i < batch; i += LANES) {
        const long rows = batch - i < LANES ? batch - i : LANES;
        const float *from = units + i * n;
        if (m == 1) head_columns(from, weights, biases, outputs + i, rows, n, m, far, n, 1, 0);
        else if (m <= FEW) head_columns(from, weights, biases, outputs + i, rows, n, m, far, n, m, 0);
        else for (long c = 0; c < m; c += MOST) {
            const long count = m - c < MOST ? m - c : MOST;
            head_columns(from, weights + c, biases + c, outputs + c * far + i, rows, n, m, far, depth_of(n), count, 1);
        }
    }
}

/* The gradient of the head's weights, into by_weights (n, m), from units (batch, n) and gradient (batch, m). */
static void head_gradient(const float *units, const float *gradient, float *by_weights, long batch, long n, long m) {
    const int fused = m > FEW;
    const long depth = fused ? depth_of(batch) : batch;
    for (long j = 0; j < n; j += LANES)
        for (long first = 0; first < m; first += MOST) {
            const long count = m - first < MOST ? m - first : MOST, columns = n - j < LANES ? n - j : LANES;
            Vector sums[MOST] = {0}, totals[MOST] = {0};
            long end = depth;
            for (long i = 0; i < batch; i++) {
                const Vector v = load(units + i * n + j, columns);
                if (fused) add_products(sums, gradient + i * m + first, v, count, 1);
                else add_products(sums, gradient + i * m + first, v, count, 0);
                if (i + 1 < end && i + 1 < batch) continue;
                for (long c = 0; c < count; c++) totals[c] = end == depth ? sums[c] : totals[c] + sums[c];
                memset(sums, 0, sizeof sums);
                end += depth;
            }
            for (long c = 0; c < count; c++)
                for (long d = 0; d < columns; d++) by_weights[(j + d) * m + first + c] = totals[c][d];
        }
}

/* The sum of `rows` vectors, `row` numbers apart: sixteen of them, sixteen such sums, and so on. */
static Vector add_rows(const float *data, long row, long rows, long count) {
    Vector levels[4] = {0};
    long i = 0;
    while (i + 16 <= rows) {
        for (long end = i + 16; i < end; i++) levels[0] += load(data + i * row, count);
        for (int level = 1; level < 4; level++) {
            levels[level] += levels[level - 1];
            levels[level - 1] = (Vector){0};
            if (i & (15L << (4 * level))) break;
        }
    }
    for (; i < rows; i++) levels[0] += load(data + i * row, count);
    return levels[0] + levels[1] + levels[2] + levels[3];
}

/* The sum of each column of `data` (rows, columns). As in the library, columns that are left over when four vectors go at
   once are summed over every fourth row. */
static void add_up(const float *data, float *sums, long rows, long columns) {
    for (long j = 0; j < columns; j += LANES) {
        const long count = columns - j < LANES ? columns - j : LANES;
        Vector sum;
        if (j < columns / (4 * LANES) * (4 * LANES)) sum = add_rows(data + j, columns, rows, count);
        else {
            sum = add_rows(data + j, 4 * columns, rows / 4, count);
            for (long i = rows / 4 * 4; i < rows; i++) sum += load(data + i * columns + j, count);
            for (long r = 1; r < 4; r++) sum += add_rows(data + r * columns + j, 4 * columns, rows / 4, count);
        }
        store(sums + j, sum, count);
    }
}
