/* LayerNorm of the units of a layer, and its way back. A sum over units is made by halves: the upper half is added onto the
   lower one until one number is left, so that its bits do not depend on the width of a vector. Sums and products are
   rounded one by one. */

#include <math.h>

#include "sums.h"

#define EPSILON 1e-5
#define MOST_VECTORS 64

/* Whether `n` units are whole vectors, a power of two of them. */
static int can_normalize(long n) {
    const long count = n / LANES;
    return count * LANES == n && count > 0 && count <= MOST_VECTORS && !(count & (count - 1));
}

#define UPPER(j, half) (((j) + (half)) % LANES)
#define FOLD(half) vector += __builtin_shuffle(vector, (Bits){EACH(UPPER, half)});

#define HALVE(half) \
    if (count > half) _Pragma("GCC unroll 32") for (long i = 0; i < half; i++) parts[i] += parts[i + half];

static inline __attribute__((always_inline)) float add_halves(Vector *parts, const long count) {
    HALVE(32)
    HALVE(16)
    HALVE(8)
    HALVE(4)
    HALVE(2)
    HALVE(1)
    Vector vector = parts[0];
#if LANES == 16
    FOLD(8)
#endif
    FOLD(4)
    FOLD(2)
    FOLD(1)
    return vector[0];
}

static inline __attribute__((always_inline)) float mean_of(Vector *parts, long count) {
    float mean = add_halves(parts, count) * (float)(1.0 / (count * LANES));
    ROUNDED(mean);
    return mean;
}

/* normal = (units - mean) / deviation of one row; returns 1 / deviation. */
static inline __attribute__((always_inline)) float normalize_row(const float *units, Vector *normal, long count) {
    Vector parts[MOST_VECTORS];
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) parts[i] = normal[i] = load(units + i * LANES, LANES);
    const float mean = mean_of(parts, count);
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) {
        normal[i] -= mean;
        Vector square = normal[i] * normal[i];
        ROUNDED(square);
        parts[i] = square;
    }
    const float inverse = 1.0 / sqrt(mean_of(parts, count) + EPSILON);
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) {
        normal[i] *= inverse;
        ROUNDED(normal[i]);
    }
    return inverse;
}

/* result = scale * normal + shift, of units (rows, count vectors). */
static inline __attribute__((always_inline)) void normalize_rows(
    const float *units, const float *scale, const float *shift, float *result, long rows, const long count) {
    const long n = count * LANES;
    Vector normal[MOST_VECTORS];
    for (long r = 0; r < rows; r++) {
        normalize_row(units + r * n, normal, count);
#pragma GCC unroll 16
        for (long i = 0; i < n; i += LANES) {
            Vector scaled = normal[i / LANES] * load(scale + i, LANES);
            ROUNDED(scaled);
            store(result + r * n + i, scaled + load(shift + i, LANES), LANES);
        }
    }
}

/* The gradient (rows, count vectors) of what `normalize` gives becomes, in its place, that of what the ReLU was given; where `products`
   is given, it is filled with gradient * normal. */
static inline __attribute__((always_inline)) void normalize_rows_back(
    const float *units, const float *scale, float *gradient, float *products, long rows, const long count) {
    const long n = count * LANES;
    Vector normal[MOST_VECTORS], scaled[MOST_VECTORS], parts[MOST_VECTORS];
    for (long r = 0; r < rows; r++, units += n, gradient += n) {
        const float inverse = normalize_row(units, normal, count);
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) {
            const Vector given = load(gradient + i * LANES, LANES);
            Vector product = given * load(scale + i * LANES, LANES);
            ROUNDED(product);
            parts[i] = scaled[i] = product;
            if (products) store(products + r * n + i * LANES, given * normal[i], LANES);
        }
        const float mean = mean_of(parts, count);
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) {
            Vector product = scaled[i] * normal[i];
            ROUNDED(product);
            parts[i] = product;
        }
        const float along = mean_of(parts, count);
#pragma GCC unroll 16
    for (long i = 0; i < count; i++) {
            Vector part = normal[i] * along;
            ROUNDED(part);
            const Vector by_units = (scaled[i] - mean - part) * inverse;
            const Bits off = load(units + i * LANES, LANES) <= (Vector){0};
            store(gradient + i * LANES, (Vector)((Bits)by_units & ~off), LANES);
        }
    }
}

/* The counts of vectors that networks have are known to the compiler, which then keeps a row in registers. */
#define EACH_COUNT(call)                       \
    switch (n / LANES) {                       \
        case 2: call(2); break;                \
        case 4: call(4); break;                \
        case 8: call(8); break;                \
        case 16: call(16); break;              \
        default: call(n / LANES);              \
    }

static void normalize(
    const float *units, const float *scale, const float *shift, float *result, long rows, long n) {
#define CALL(count) normalize_rows(units, scale, shift, result, rows, count)
    EACH_COUNT(CALL)
#undef CALL
}

static void normalize_back(
    const float *units, const float *scale, float *gradient, float *products, long rows, long n) {
#define CALL(count) normalize_rows_back(units, scale, gradient, products, rows, count)
    EACH_COUNT(CALL)
#undef CALL
}
