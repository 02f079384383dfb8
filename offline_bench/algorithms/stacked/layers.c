/* The layers of a batch of ReLU networks, forward and backward, one network after the other so that it stays in the cache. */

#include "sums.h"

#define BLOCK 256 /* rows that go through all layers together */

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
    // The last network first: what the way there left in the cache is its own.
    for (long net = nets - 1; net >= 0; net--) {
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
