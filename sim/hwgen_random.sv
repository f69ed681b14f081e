// SPDX-License-Identifier: Apache-2.0
// Random numbers of the stream drivers: the same sequence for the same seed in every simulator.
package hwgen_random;
  function automatic logic [31:0] first(input int seed, input int stream);
    return (32'(seed) ^ (32'(stream + 1) * 32'h9e3779b9)) | 32'd1;
  endfunction

  // Xorshift: every 32-bit number but zero, in turn.
  function automatic logic [31:0] next(input logic [31:0] x);
    logic [31:0] a, b;
    a = x ^ (x << 13);
    b = a ^ (a >> 17);
    return b ^ (b << 5);
  endfunction
endpackage
