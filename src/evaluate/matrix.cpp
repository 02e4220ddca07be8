#include "evaluate/matrix.h"

#include <Eigen/Dense>
#include <algorithm>

namespace hemiola::evaluate {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Columns = Eigen::MatrixXd;

Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

Eigen::Map<const Rows> seen(const Matrix& matrix) {
  return {matrix.values.data(), index(matrix.rows), index(matrix.columns)};
}

Eigen::Map<Rows> seen(Matrix& matrix) {
  return {matrix.values.data(), index(matrix.rows), index(matrix.columns)};
}

}  // namespace

Matrix times_transposed(const Matrix& a, const Matrix& b) {
  Matrix product(a.rows, b.rows);
  seen(product).noalias() = seen(a) * seen(b).transpose();
  return product;
}

Matrix triangular_root(Matrix x) {
  if (x.rows <= x.columns) return x;
  const Eigen::HouseholderQR<Columns> qr(seen(x));
  Matrix root(x.columns, x.columns);
  seen(root) = qr.matrixQR().topRows(index(x.columns)).triangularView<Eigen::Upper>();
  return root;
}

double nuclear_norm_of_product(const Matrix& a, const Matrix& b) {
  const Columns product = seen(a) * seen(b).transpose();
  return Eigen::BDCSVD<Columns>(product).singularValues().sum();
}

Matrix principal_axes(const Matrix& root, std::size_t count) {
  const Eigen::BDCSVD<Columns> svd(seen(root), Eigen::ComputeThinV);
  Matrix axes(std::min({count, root.rows, root.columns}), root.columns);
  seen(axes) = svd.matrixV().leftCols(index(axes.rows)).transpose();
  return axes;
}

}  // namespace hemiola::evaluate
