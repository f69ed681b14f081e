// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_crc: CRC-16/CCITT-FALSE (polynomial 0x1021, from 0xffff on, highest bit first) of one byte more; wires only.
module hwgen_uart_crc (
    input  logic [15:0] crc,
    input  logic [7:0]  data,
    output logic [15:0] next
);
    wire [7:0] top = crc[15:8] ^ data;
    wire [7:0] mix = top ^ (top >> 4);
    assign next = {crc[7:0], 8'b0} ^ {mix[3:0], 12'b0} ^ {3'b0, mix, 5'b0} ^ {8'b0, mix};
endmodule
