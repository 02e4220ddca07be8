// Numbers in double precision, and the few pieces of linear algebra that distances between sets of
// embeddings need. matrix.cpp is the one place that knows Eigen.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hemiola::evaluate {

struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> values;  // (rows, columns)

  Matrix() = default;
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(row_count * column_count) {}

  std::span<double> row(std::size_t i) { return std::span(values).subspan(i * columns, columns); }
  std::span<const double> row(std::size_t i) const {
    return std::span(values).subspan(i * columns, columns);
  }
};

// a * b^T, (a.rows, b.rows).
Matrix times_transposed(const Matrix& a, const Matrix& b);

// R with R^T R = x^T x: upper triangular, or x itself where it has fewer rows than columns.
Matrix triangular_root(Matrix x);

// The sum of the singular values of a * b^T.
double nuclear_norm_of_product(const Matrix& a, const Matrix& b);

// The `count` eigenvectors of root^T root with the largest eigenvalues, (count, columns), the
// largest first. Fewer where root has fewer rows or columns.
Matrix principal_axes(const Matrix& root, std::size_t count);

}  // namespace hemiola::evaluate
