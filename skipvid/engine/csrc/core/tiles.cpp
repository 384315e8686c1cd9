#include "tiles.hpp"

#include <algorithm>

#include "../kernels/kernels.hpp"

namespace skipvid {

Apart tiles_apart(const uint8_t* first, const uint8_t* second, int height, int bytes, int lines, int step) {
    const Kernels& kernels = choose_kernels();
    const int rows = (height + lines - 1) / lines, columns = (bytes + step - 1) / step;
    Apart result{std::vector<uint8_t>(static_cast<size_t>(rows) * columns),
                 std::vector<float>(static_cast<size_t>(rows) * columns)};
    std::vector<uint8_t> largest(bytes);
    std::vector<uint16_t> total(bytes);
    for (int row = 0; row < rows; ++row) {
        std::fill(largest.begin(), largest.end(), uint8_t{0});
        std::fill(total.begin(), total.end(), uint16_t{0});
        for (int y = row * lines; y < std::min((row + 1) * lines, height); ++y) {
            const size_t line = static_cast<size_t>(y) * bytes;
            kernels.apart_row(first + line, second + line, bytes, largest.data(), total.data());
        }
        for (int column = 0; column < columns; ++column) {
            const int begin = column * step, end = std::min(begin + step, bytes);
            uint32_t sum = 0;
            for (int i = begin; i < end; ++i) sum += total[i];
            result.largest[row * columns + column] = *std::max_element(largest.begin() + begin, largest.begin() + end);
            result.total[row * columns + column] = static_cast<float>(sum);
        }
    }
    return result;
}

}  // namespace skipvid
