/* One product of matrices, row-major float32, with what a layer does to its result before it leaves the registers.

   A number of it is a chain of fused multiply-adds along the inner axis, cut into blocks that are added up one by one: the
   order in which the matrix library sums, whatever the width of a vector. */

#include <stdlib.h>
#include <string.h>

#define DEPTH 192 /* the longest block of a sum */
#define ROWS 6    /* of a tile, which is two vectors wide */
#if defined(__AVX512F__)
#define LANES 16
#else
#define LANES 8
#endif
#define BYTES (LANES * sizeof(float))

typedef float Vector __attribute__((vector_size(LANES * 4)));
typedef int Bits __attribute__((vector_size(LANES * 4)));

/* left(i, k) = data[i * row + k * column]; right(k, j) = data[k * row + j], readable to a whole vector. */
typedef struct { const float *data; long row, column; } Left;
typedef struct { const float *data; long row; } Right;

/* result(i, j) = data[i * row + j] = sum; + bias(j) and no less than 0; or 0 where hidden(i, j), laid as it, is not > 0 */
typedef struct { float *data; long row; const float *bias, *hidden; } Result;

/* A vector of `count` numbers, LANES being the most, and the way back. */
static inline Vector load(const float *from, long count) {
    Vector vector = {0};
    if (count == LANES) memcpy(&vector, from, BYTES);
    else for (long j = 0; j < count; j++) vector[j] = from[j];
    return vector;
}

static inline void store(float *to, Vector vector, long count) {
    if (count == LANES) memcpy(to, &vector, BYTES);
    else for (long j = 0; j < count; j++) to[j] = vector[j];
}

/* What `sum`, a block's, becomes at `place` of the result; `columns` of it are there. */
static inline __attribute__((always_inline)) void put(
    Result result, long place, long j, Vector sum, long columns, int first, int last) {
    if (!first) sum = load(result.data + place, columns) + sum;
    else if (result.bias) sum = load(result.bias + j, columns) + sum;
    if (last && result.bias) sum = (Vector)((Bits)sum & ~(sum < (Vector){0}));
    if (last && result.hidden) sum = (Vector)((Bits)sum & ~(load(result.hidden + place, columns) <= (Vector){0}));
    store(result.data + place, sum, columns);
}

static inline __attribute__((always_inline)) void tile(
    const int rows, const int vectors, Left left, Right right, Result result, long i, long j, long depth, long columns,
    int first, int last) {
    Vector sums[ROWS][2] = {0};
    for (long k = 0; k < depth; k++) {
        Vector b[2];
        for (int v = 0; v < vectors; v++) memcpy(&b[v], right.data + k * right.row + j + v * LANES, BYTES);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            const Vector a = left.data[(i + r) * left.row + k * left.column] - (Vector){0};
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) sums[r][v] = a * b[v] + sums[r][v];
        }
    }
    const long rest = columns - j - (vectors - 1) * LANES;
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            const long place = (i + r) * result.row + j + v * LANES;
            if (v < vectors - 1 || rest >= LANES) put(result, place, j + v * LANES, sums[r][v], LANES, first, last);
            else put(result, place, j + v * LANES, sums[r][v], rest, first, last);
        }
}

/* `left`, whose rows are 1 apart, with ROWS of them side by side in `room`: far strides share few places of a cache. */
static void fold(Left left, long rows, long depth, float *room) {
    for (long i = 0; i < rows; i += ROWS)
        for (long k = 0; k < depth; k++, room += ROWS) {
            const float *from = left.data + i + k * left.column;
            if (i + ROWS <= rows) memcpy(room, from, ROWS * sizeof(float));
            else for (long r = 0; r < rows - i; r++) room[r] = from[r];
        }
}

#define TILE(count)                                                         \
    if (two) tile(count, 2, a, b, c, r, j, depth, columns, first, last);    \
    else tile(count, 1, a, b, c, r, j, depth, columns, first, last)

static long depth_of(long inner) { return inner <= DEPTH ? inner : inner <= 2 * DEPTH ? inner / 2 : DEPTH; }

static void multiply(Left left, Right right, Result result, long rows, long inner, long columns, float *room) {
    const long whole_block = depth_of(inner);
    for (long start = 0; start < inner; start += whole_block) {
        const long depth = inner - start < whole_block ? inner - start : whole_block;
        const int first = start == 0, last = start + depth == inner, turned = left.row == 1;
        const Left block = {left.data + start * left.column, left.row, left.column};
        const Right b = {right.data + start * right.row, right.row};
        if (turned) fold(block, rows, depth, room);
        for (long j = 0; j < columns; j += 2 * LANES) {
            const int two = columns - j > LANES;
            for (long i = 0; i < rows; i += ROWS) {
                const Left a = turned ? (Left){room + i * depth, 1, ROWS}
                                      : (Left){block.data + i * block.row, block.row, block.column};
                const Result c = {result.data + i * result.row, result.row, result.bias,
                                  result.hidden ? result.hidden + i * result.row : NULL};
                long r = 0;
                for (; r + ROWS <= rows - i && r < ROWS; r += ROWS) TILE(ROWS);
                for (; r + 4 <= rows - i && r < ROWS; r += 4) TILE(4);
                for (; r < rows - i && r < ROWS; r++) TILE(1);
            }
        }
    }
}

static long padded(long columns) { return (columns + LANES - 1) / LANES * LANES; }

/* `data` (rows, columns) as a right operand; into `room` where its rows do not fill vectors. */
static Right whole(const float *data, long rows, long columns, float *room) {
    const long width = padded(columns);
    if (width == columns) return (Right){data, columns};
    memset(room, 0, rows * width * sizeof(float));
    for (long k = 0; k < rows; k++) memcpy(room + k * width, data + k * columns, columns * sizeof(float));
    return (Right){room, width};
}

/* Rows `from` to `rows` of `data` (rows, columns), transposed into `room`. */
static Right transposed(const float *data, long from, long rows, long columns, float *room) {
    const long width = padded(rows - from);
    for (long k = 0; k < columns; k++) {
        for (long j = from; j < rows; j++) room[k * width + j - from] = data[j * columns + k];
        for (long j = rows - from; j < width; j++) room[k * width + j] = 0.0f;
    }
    return (Right){room, width};
}
