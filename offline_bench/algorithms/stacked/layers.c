/* The layers of a batch of ReLU networks, forward and backward, one network after the other so that it stays in
   the cache. Row-major float32.

   A number of a product is a chain of fused multiply-adds along the inner axis, cut into blocks that are added up one by
   one: the order in which the matrix library sums, whatever the width of a vector. */

#include <stdlib.h>
#include <string.h>

#define DEPTH 192 /* the longest block of a sum */
#define BLOCK 256 /* rows that go through all layers together, so that they stay in the cache */
#if defined(__AVX512F__)
#define LANES 16
#define ROWS 8
#else
#define LANES 8
#define ROWS 6
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
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const Vector a = left.data[(i + r) * left.row + k * left.column] - (Vector){0};
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++) sums[r][v] = a * b[v] + sums[r][v];
        }
    }
    const long rest = columns - j - (vectors - 1) * LANES;
#pragma GCC unroll 8
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
                if (i + ROWS <= rows && two) tile(ROWS, 2, a, b, c, 0, j, depth, columns, first, last);
                else if (i + ROWS <= rows) tile(ROWS, 1, a, b, c, 0, j, depth, columns, first, last);
                else for (long r = 0; r < rows - i; r++)
                    if (two) tile(1, 2, a, b, c, r, j, depth, columns, first, last);
                    else tile(1, 1, a, b, c, r, j, depth, columns, first, last);
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

/* Room to work in: a right operand, a folded left one, and the units of two layers of one network. */
typedef struct { float *right, *left, *units[2]; } Room;

static int take(Room *room, long rows, long layers, const long *sizes) {
    long widest = LANES;
    for (long l = 0; l <= layers; l++) widest = sizes[l] > widest ? sizes[l] : widest;
    const long right = (rows > widest ? rows : widest) * padded(widest), left = (widest + ROWS) * DEPTH;
    room->right = malloc((right + left + 2 * rows * widest) * sizeof(float));
    room->left = room->right + right;
    room->units[0] = room->left + left;
    room->units[1] = room->units[0] + rows * widest;
    return !room->right;
}

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

/* A square of vectors, rows for columns. */
static inline __attribute__((always_inline)) void turn(Vector *rows) {
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2) {
        Bits low, high;
        for (int j = 0; j < LANES; j++) {
            low[j] = j & half ? LANES + j - half : j;
            high[j] = j & half ? LANES + j : j + half;
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (!(i & half)) {
                const Vector above = rows[i], below = rows[i + half];
                rows[i] = __builtin_shuffle(above, below, low);
                rows[i + half] = __builtin_shuffle(above, below, high);
            }
    }
}

/* units (batch, n) @ weights (n, m) + biases (m), turned, into outputs, whose rows are `far` apart. */
static void apply_head(
    const float *units, const float *weights, const float *biases, float *outputs, long batch, long n, long m,
    long far) {
    const int fused = m > FEW;
    const long depth = fused ? depth_of(n) : n;
    for (long i = 0; i < batch; i += LANES)
        for (long first = 0; first < m; first += MOST) {
            const long count = m - first < MOST ? m - first : MOST, rows = batch - i < LANES ? batch - i : LANES;
            Vector sums[MOST] = {0}, totals[MOST] = {0};
            for (long k = 0; k < n; k += LANES) {
                Vector square[LANES] = {0};
                for (long r = 0; r < rows; r++) square[r] = load(units + (i + r) * n + k, n - k < LANES ? n - k : LANES);
                turn(square);
                for (long d = 0; d < LANES && k + d < n; d++) {
                    const float *a = weights + (k + d) * m + first;
                    if (fused) add_products(sums, a, square[d], count, 1);
                    else add_products(sums, a, square[d], count, 0);
                    if ((k + d + 1) % depth && k + d + 1 < n) continue;
                    for (long c = 0; c < count; c++) totals[c] = k + d < depth ? sums[c] : totals[c] + sums[c];
                    memset(sums, 0, sizeof sums);
                }
            }
            for (long c = 0; c < count; c++)
                store(outputs + (first + c) * far + i, totals[c] + biases[first + c], rows);
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
            for (long i = 0; i < batch; i++) {
                const Vector v = load(units + i * n + j, columns);
                if (fused) add_products(sums, gradient + i * m + first, v, count, 1);
                else add_products(sums, gradient + i * m + first, v, count, 0);
                if ((i + 1) % depth && i + 1 < batch) continue;
                for (long c = 0; c < count; c++) totals[c] = i < depth ? sums[c] : totals[c] + sums[c];
                memset(sums, 0, sizeof sums);
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

/* Layer l has sizes[l] inputs and sizes[l + 1] units, the head being layer number `layers`; network number i has the
   weights of place i * step in weights[l] (networks, inputs, units), and the biases there; i / members is the place of
   its inputs. outputs (nets, outputs, batch) is filled, and hidden[l] (nets, batch, units) where hidden is given.
   Returns 0; 1 where memory is out. */
int forward(
    long nets, long members, long step, long batch, long layers, const long *sizes, const float *inputs, long input_net,
    long input_row, const float **weights, const float **biases, float **hidden, float *outputs) {
    Room room;
    if (take(&room, batch < BLOCK ? batch : BLOCK, layers, sizes)) return 1;
    for (long net = 0; net < nets; net++)
        for (long start = 0; start < batch; start += BLOCK) {
            const long rows = batch - start < BLOCK ? batch - start : BLOCK;
            Left left = {inputs + net / members * input_net + start * input_row, input_row, 1};
            for (long l = 0; l < layers; l++) {
                const long n = sizes[l], m = sizes[l + 1];
                const Right right = whole(weights[l] + net * step * n * m, n, m, room.right);
                float *units = hidden ? hidden[l] + (net * batch + start) * m : room.units[l % 2];
                multiply(left, right, (Result){units, m, biases[l] + net * step * m, NULL}, rows, n, m, room.left);
                left = (Left){units, m, 1};
            }
            const long n = sizes[layers], m = sizes[layers + 1];
            const float *head = weights[layers] + net * step * n * m, *bias = biases[layers] + net * step * m;
            apply_head(left.data, head, bias, outputs + net * m * batch + start, rows, n, m, batch);
        }
    free(room.right);
    return 0;
}

/* From the gradient of the outputs (nets, batch, sizes[layers + 1]): where by_weights is given, the gradients of all
   weights, and of the hidden layers' biases; and where by_inputs (nets, batch, sizes[0] - from) is, that of the inputs
   from number `from` on. */
int backward(
    long nets, long members, long step, long batch, long layers, const long *sizes, const float *inputs, long input_net,
    long input_row, const float **weights, float **hidden, const float *by_outputs, float **by_weights,
    float **by_biases, float *by_inputs, long from) {
    Room room;
    if (take(&room, batch, layers + 1, sizes)) return 1;
    for (long net = 0; net < nets; net++) {
        const float *gradient = by_outputs + net * batch * sizes[layers + 1];
        for (long l = layers; l >= 0; l--) {
            const long n = sizes[l], m = sizes[l + 1], first = l ? 0 : from, wide = n - first;
            const float *below = l ? hidden[l - 1] + net * batch * n : inputs + net / members * input_net;
            if (by_weights && l == layers) head_gradient(below, gradient, by_weights[l] + net * n * m, batch, n, m);
            if (by_weights && l < layers) {
                const Result result = {by_weights[l] + net * n * m, m, NULL, NULL};
                const Left turned = {below, 1, l ? n : input_row};
                multiply(turned, whole(gradient, batch, m, room.right), result, n, batch, m, room.left);
                add_up(gradient, by_biases[l] + net * m, batch, m);
            }
            if (l == 0 && !by_inputs) continue;
            const Right right = transposed(weights[l] + net * step * n * m, first, n, m, room.right);
            float *result = l ? room.units[l % 2] : by_inputs + net * batch * wide;
            const Result masked = {result, wide, NULL, l ? below : NULL};
            multiply((Left){gradient, m, 1}, right, masked, batch, m, wide, room.left);
            gradient = result;
        }
    }
    free(room.right);
    return 0;
}
